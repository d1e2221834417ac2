//! `POST /v1/sdk/sos`.

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use mayday_app::{AppError, SosTrigger, TriggerReceipt};
use mayday_core::identity::Caller;
use mayday_core::transport::Transport;
use tracing::Instrument;

use crate::auth::SosCaller;
use crate::body::{Cry, cry};
use crate::problem::Problem;
use crate::state::Api;
use crate::v1::schema;
use crate::v1::sos::{Shown, TriggerAnswer};

/// Cry for help
///
/// Opens an incident, or updates the open one: a user has at most one. Never
/// refused for its content: without a position, with an unknown device, even
/// unreadable, it is stored and what was odd is told in `flags`. A repeat of
/// the same trigger opens nothing new.
///
/// A proof that is genuine but expired is taken. Only the relay of a device
/// that the app does not know is answered 422; it is stored all the same, for
/// operators. A body above 256 KiB is read to 64 KiB and flagged `oversized`. A
/// body that pauses for 5 s is stored as far as it came; what still comes is an
/// update, and the answer waits for it.
#[utoipa::path(
    post,
    path = "/v1/sdk/sos",
    operation_id = "triggerSos",
    tag = "SOS",
    request_body(
        content = Option<schema::SosTrigger>,
        example = json!({
            "timestamp": "2026-09-09T10:15:30.123456Z",
            "latitude": 41.387_421,
            "longitude": 2.168_612,
            "altitude": 12.4,
            "triggerSource": "button_ui",
            "owner": "app",
            "message": "Fell near the ridge",
            "mobileBattery": 71
        }),
    ),
    responses(
        (status = 200, description = "Stored.", body = TriggerAnswer),
        (status = 422, description = "A relayed device that the app does not know; `fields[].pointer` is `/deviceId`. Stored for operators."),
    ),
)]
pub(crate) async fn trigger(
    SosCaller(caller): SosCaller,
    State(api): State<Api>,
    request: Request,
) -> Result<Json<TriggerAnswer>, Problem> {
    // A task of its own: a phone that loses its network while it sends must
    // not take its SOS with it.
    let taken = take(api, caller, request.into_body()).in_current_span();
    match tokio::spawn(taken).await {
        Ok(answer) => answer.map(Json),
        Err(error) => Err(Problem::internal(format!("an SOS was not taken: {error}"))),
    }
}

fn heard(cry: &Cry) -> SosTrigger {
    SosTrigger {
        body: cry.body.clone(),
        oversized: cry.oversized,
        retained: false,
        transport: Transport::Http,
    }
}

async fn take(api: Api, caller: Caller, body: Body) -> Result<TriggerAnswer, Problem> {
    let mut cry = cry(body, api.settings.body_timeout).await;
    let mut receipt = api.app.trigger_sos(&caller, heard(&cry)).await;
    if cry.read_on().await {
        receipt = api.app.trigger_sos(&caller, heard(&cry)).await;
    }
    cry.discard_rest().await;
    match receipt? {
        TriggerReceipt::Own(incident) => Ok(TriggerAnswer {
            incident: Shown::own(*incident),
        }),
        TriggerReceipt::Relayed(incident) => Ok(TriggerAnswer {
            incident: Shown::brief(&incident),
        }),
        TriggerReceipt::Unattributed => Err(AppError::unknown_device().into()),
    }
}
