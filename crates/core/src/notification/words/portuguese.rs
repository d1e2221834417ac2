//! Portuguese, as in Portugal; a user is spoken of, not to.

use super::{Type, Words};

pub(super) const fn words(kind: Type) -> Words {
    match kind {
        Type::SessionCreated => ("Novo início de sessão", "{name} iniciou sessão."),
        Type::SessionEvicted => (
            "Sessão encerrada",
            "{name} iniciou sessão noutro dispositivo; esta sessão foi encerrada.",
        ),
        Type::SessionEnded => ("Sessão terminada", "Uma sessão de {name} terminou."),
        Type::AccountLinked => ("Contas unidas", "Duas contas de {name} são agora uma só."),
        Type::SignatureUpdated => ("PIN alterado", "O PIN de {name} foi alterado."),
        Type::SignatureQuestionsUpdated => (
            "Perguntas de recuperação alteradas",
            "As perguntas de recuperação de {name} foram alteradas.",
        ),
        Type::SignatureResetFailed => (
            "PIN não reposto",
            "As tentativas de repor o PIN de {name} esgotaram-se: termine a sessão do utilizador.",
        ),
        Type::SosOpened => ("SOS: {name}", "{name} pediu ajuda."),
        Type::SosUpdated => ("SOS: {name}", "{name} voltou a pedir ajuda."),
        Type::SosAcknowledged => ("SOS: {name}", "Alguém está a tratar de {name}."),
        Type::SosCancelled => ("Fim do alerta: {name}", "{name} cancelou o alerta."),
        Type::SosResolved => ("Fim do alerta: {name}", "O alerta de {name} foi tratado."),
        Type::SosEscalated => ("SOS: {name}", "O contacto seguinte de {name} é avisado."),
        Type::SosDeliveryFailed => (
            "SOS: {name}",
            "Uma mensagem a um contacto de {name} não chegou.",
        ),
        Type::SosUnanswered => (
            "SOS sem resposta: {name}",
            "Nenhum contacto de {name} respondeu e não resta ninguém a quem avisar.",
        ),
        Type::SosUnattributed => (
            "SOS de um dispositivo desconhecido",
            "{name} transmitiu um pedido de ajuda de um dispositivo que ninguém registou.",
        ),
        Type::DevicePaired => ("Dispositivo adicionado", "{name} adicionou um dispositivo."),
        Type::DeviceRemoved => ("Dispositivo removido", "{name} removeu um dispositivo."),
        Type::ContactChanged => (
            "Contacto alterado",
            "{name} alterou um contacto de emergência.",
        ),
        Type::Test => ("Teste", "Isto é um teste: não aconteceu nada."),
    }
}
