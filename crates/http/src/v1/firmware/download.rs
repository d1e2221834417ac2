//! `GET /v1/sdk/firmware/download/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mayday_app::App;
use mayday_core::ids::RecordId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::FullCaller;
use crate::path::PathId;
use crate::problem::Problem;
use crate::public_url::PublicUrl;

/// Where to fetch a release.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FirmwareLinkAnswer {
    /// Fetch it without any proof. It takes `Range`, so that a fetch that broke
    /// off can go on.
    #[schema(
        example = "https://api.example.org/v1/public/firmware/0199d7a3-77aa-7b40-93c1-5d6e7f809102?expires=1788948900&signature=5f0c"
    )]
    download_url: String,
    /// SHA-256 of the bytes, in lower-case hex: check it before installing.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    sha256_hash: String,
    /// How long a fetch may begin.
    #[schema(example = 900)]
    expires_in_seconds: u64,
}

/// Ask for a link to a firmware release
///
/// The link is signed and works without a proof until it expires.
#[utoipa::path(
    get,
    path = "/v1/sdk/firmware/download/{id}",
    operation_id = "downloadFirmware",
    tag = "Devices",
    params(("id" = Uuid, Path, description = "The release's id, as `check` answers it.")),
    responses(
        (status = 200, description = "The link.", body = FirmwareLinkAnswer),
        (status = 400, description = "The request's Host header names no host, and the server was not told its public address."),
        (status = 404, description = "No published release of the app has this id."),
    ),
)]
pub(crate) async fn download(
    FullCaller(caller): FullCaller,
    State(app): State<Arc<App>>,
    PathId(id): PathId<RecordId>,
    base: Result<PublicUrl, Problem>,
) -> Result<Json<FirmwareLinkAnswer>, Problem> {
    let link = app.firmware_link(&caller, id).await?;
    let path = format!(
        "/v1/public/firmware/{}?expires={}&signature={}",
        link.release, link.expiry, link.signature
    );
    Ok(Json(FirmwareLinkAnswer {
        download_url: base?.join(&path),
        sha256_hash: link.sha256,
        expires_in_seconds: link.expires_in_seconds,
    }))
}
