//! Spanish; a user is spoken of, not to.

use super::{Type, Words};

pub(super) const fn words(kind: Type) -> Words {
    match kind {
        Type::SessionCreated => ("Nuevo inicio de sesión", "{name} ha iniciado sesión."),
        Type::SessionEvicted => (
            "Sesión cerrada",
            "{name} ha iniciado sesión en otro dispositivo; esta sesión se ha cerrado.",
        ),
        Type::SessionEnded => ("Sesión terminada", "Una sesión de {name} ha terminado."),
        Type::AccountLinked => ("Cuentas unidas", "Dos cuentas de {name} son ahora una."),
        Type::SignatureUpdated => ("PIN cambiado", "Se ha cambiado el PIN de {name}."),
        Type::SignatureQuestionsUpdated => (
            "Preguntas de recuperación cambiadas",
            "Se han cambiado las preguntas de recuperación de {name}.",
        ),
        Type::SignatureResetFailed => (
            "PIN no restablecido",
            "Se han agotado los intentos de restablecer el PIN de {name}: cierre la sesión del usuario.",
        ),
        Type::SosOpened => ("SOS: {name}", "{name} ha pedido ayuda."),
        Type::SosUpdated => ("SOS: {name}", "{name} ha vuelto a pedir ayuda."),
        Type::SosAcknowledged => ("SOS: {name}", "Alguien se ocupa de {name}."),
        Type::SosCancelled => ("Fin de la alerta: {name}", "{name} ha cancelado la alerta."),
        Type::SosResolved => (
            "Fin de la alerta: {name}",
            "La alerta de {name} se ha atendido.",
        ),
        Type::SosEscalated => ("SOS: {name}", "Se avisa al siguiente contacto de {name}."),
        Type::SosDeliveryFailed => (
            "SOS: {name}",
            "Un mensaje a un contacto de {name} no ha llegado.",
        ),
        Type::SosUnanswered => (
            "SOS sin respuesta: {name}",
            "Ningún contacto de {name} ha respondido y no queda nadie a quien avisar.",
        ),
        Type::SosUnattributed => (
            "SOS de un dispositivo desconocido",
            "{name} ha transmitido una petición de ayuda de un dispositivo que nadie ha registrado.",
        ),
        Type::DevicePaired => ("Dispositivo añadido", "{name} ha añadido un dispositivo."),
        Type::DeviceRemoved => (
            "Dispositivo eliminado",
            "{name} ha eliminado un dispositivo.",
        ),
        Type::ContactChanged => (
            "Contacto cambiado",
            "{name} ha cambiado un contacto de emergencia.",
        ),
        Type::Test => ("Prueba", "Esto es una prueba: no ha pasado nada."),
    }
}
