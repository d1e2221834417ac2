//! `GET /v1/sdk/sos/history`.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use mayday_app::{App, HistoryItem, HistoryPage};
use mayday_core::sos::{Opening, TrailPoint};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::auth::FullCaller;
use crate::problem::Problem;
use crate::v1::sos::view::IncidentView;

/// Incidents on a page, unless asked for another number.
const DEFAULT_LIMIT: u32 = 20;
/// The most incidents on a page.
const MAX_LIMIT: u32 = 100;

/// Which page.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryQuery {
    /// Incidents on a page, 1 to 100; 20 when missing.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, example = 20)]
    limit: Option<String>,
    /// `pagination.next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of incidents.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HistoryAnswer {
    /// Newest first.
    incidents: Vec<HistoryItemView>,
    /// Where the next page begins.
    pagination: Pagination,
}

/// Where the next page begins.
#[derive(Debug, Serialize, ToSchema)]
struct Pagination {
    /// Send it as `cursor`; null on the last page.
    next_cursor: Option<String>,
    /// Whether there is another page.
    has_more: bool,
}

/// An incident with its first sample and its trail.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HistoryItem)]
struct HistoryItemView {
    /// The incident.
    incident: IncidentView,
    /// What the first trigger measured.
    creation_telemetry: OpeningView,
    /// Where its owner was meanwhile, oldest first.
    trail: Vec<TrailView>,
}

/// What the first trigger measured.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CreationTelemetry)]
struct OpeningView {
    /// `creationTelemetryId` of the incident.
    #[schema(example = "0199d7a2-1b7c-7d11-8f20-6e5d4c3b2a1a")]
    id: Uuid,
    /// The published time as sent, or the time of receipt.
    #[schema(format = DateTime, example = "2026-09-09T10:15:30.123456Z")]
    occurred_at: String,
    /// Degrees.
    #[schema(example = 41.387_421)]
    latitude: Option<f64>,
    /// Degrees.
    #[schema(example = 2.168_612)]
    longitude: Option<f64>,
    /// Metres.
    #[schema(example = 12.4)]
    altitude: Option<f64>,
    /// As sent.
    #[schema(schema_with = as_sent)]
    device_battery: Option<Value>,
    /// As sent.
    #[schema(schema_with = as_sent)]
    device_coverage: Option<Value>,
    /// Percent, as sent.
    #[schema(value_type = Option<f64>, example = 71)]
    mobile_battery: Option<Number>,
    /// As sent.
    #[schema(schema_with = as_sent)]
    mobile_coverage: Option<Value>,
}

/// How batteries and coverage are sent: see the body of a trigger.
fn as_sent() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([
            Type::Object,
            Type::Number,
            Type::Null,
        ]))
        .description(Some(
            "As sent: an object, or the number of an older client.",
        ))
        .build()
}

/// A point of the trail.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TrailPoint)]
struct TrailView {
    /// When it was measured.
    #[schema(format = DateTime, example = "2026-09-09T10:16:00.000Z")]
    occurred_at: String,
    /// Degrees.
    #[schema(example = 41.387_9)]
    latitude: f64,
    /// Degrees.
    #[schema(example = 2.169_1)]
    longitude: f64,
    /// Metres.
    #[schema(example = 13.0)]
    altitude: Option<f64>,
}

/// List past and present incidents
///
/// The caller's own, newest first, each with the sample that opened it and its
/// trail.
#[utoipa::path(
    get,
    path = "/v1/sdk/sos/history",
    operation_id = "listSosHistory",
    tag = "SOS",
    params(HistoryQuery),
    responses(
        (status = 200, description = "A page of incidents.", body = HistoryAnswer),
        (status = 400, description = "`limit` is not 1 to 100, or `cursor` is none of ours."),
    ),
)]
pub(crate) async fn history(
    FullCaller(caller): FullCaller,
    State(app): State<Arc<App>>,
    query: Result<Query<HistoryQuery>, QueryRejection>,
) -> Result<Json<HistoryAnswer>, Problem> {
    let Query(query) = query.map_err(|_| Problem::field("", "the query is not readable"))?;
    let limit = limit(query.limit.as_deref())?;
    let cursor = query.cursor.as_deref().filter(|text| !text.is_empty());
    let page = app.sos_history(&caller, limit, cursor).await?;
    Ok(Json(page.into()))
}

fn limit(text: Option<&str>) -> Result<u32, Problem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(DEFAULT_LIMIT);
    };
    text.parse()
        .ok()
        .filter(|limit| (1..=MAX_LIMIT).contains(limit))
        .ok_or_else(|| Problem::field("/limit", "limit must be a number from 1 to 100"))
}

impl From<HistoryPage> for HistoryAnswer {
    fn from(page: HistoryPage) -> Self {
        Self {
            incidents: page.items.into_iter().map(Into::into).collect(),
            pagination: Pagination {
                has_more: page.next_cursor.is_some(),
                next_cursor: page.next_cursor,
            },
        }
    }
}

impl From<HistoryItem> for HistoryItemView {
    fn from(item: HistoryItem) -> Self {
        Self {
            creation_telemetry: item.incident.opening.clone().into(),
            incident: item.incident.into(),
            trail: item.trail.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Opening> for OpeningView {
    fn from(opening: Opening) -> Self {
        Self {
            id: opening.id.uuid(),
            occurred_at: opening.occurred_at,
            latitude: opening.latitude,
            longitude: opening.longitude,
            altitude: opening.altitude,
            device_battery: opening.device_battery,
            device_coverage: opening.device_coverage,
            mobile_battery: opening.mobile_battery,
            mobile_coverage: opening.mobile_coverage,
        }
    }
}

impl From<TrailPoint> for TrailView {
    fn from(point: TrailPoint) -> Self {
        Self {
            occurred_at: point.occurred_at.to_string(),
            latitude: point.latitude,
            longitude: point.longitude,
            altitude: point.altitude,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_1_to_100_and_20_when_missing() {
        assert_eq!(limit(None).unwrap(), 20);
        assert_eq!(limit(Some("1")).unwrap(), 1);
        assert_eq!(limit(Some("100")).unwrap(), 100);
        for bad in ["0", "101", "-1", "ten", "1.5"] {
            let problem = limit(Some(bad)).unwrap_err();
            assert_eq!(problem.status().as_u16(), 400, "{bad}");
        }
    }
}
