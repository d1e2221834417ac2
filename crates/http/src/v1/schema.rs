//! The bodies that the app reads itself, byte for byte, described for OpenAPI.
//!
//! The SOS body has no required member and no invalid value; the telemetry
//! body has three required ones. Nothing here is ever constructed.

#![expect(dead_code, reason = "describes bodies; the app parses the bytes")]

use serde::Deserialize;
use utoipa::ToSchema;

/// A cry for help. Every member is optional; one that cannot be read is
/// flagged on the incident, never refused.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SosTrigger {
    /// ISO-8601 UTC, 0 to 9 fractional digits. Also the correlation key: echoed
    /// unchanged as `occurredAt` of the `processed` event.
    #[schema(format = DateTime, example = "2026-09-09T10:15:30.123456Z")]
    timestamp: Option<String>,
    /// Degrees, -90 to 90; missing when there is no fix.
    #[schema(example = 41.387_421)]
    latitude: Option<f64>,
    /// Degrees, -180 to 180; missing when there is no fix.
    #[schema(example = 2.168_612)]
    longitude: Option<f64>,
    /// Metres.
    #[schema(example = 12.4)]
    altitude: Option<f64>,
    /// A few words of the person in distress.
    #[schema(example = "Fell near the ridge")]
    message: Option<String>,
    #[serde(flatten)]
    origin: Origin,
    #[serde(flatten)]
    phone: PhoneState,
    /// Echoed on this incident's events.
    client_incident_id: Option<String>,
    /// Echoed on this incident's events.
    correlation_id: Option<String>,
    /// Echoed on this incident's events.
    cycle_key: Option<String>,
    /// Set when a widget of the operating system was held.
    os_widget_activation: Option<OsWidgetActivation>,
}

/// A position sample.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TelemetryBody {
    /// ISO-8601 UTC; not before 2020, not more than 24 h ahead.
    #[schema(format = DateTime, example = "2026-09-09T10:15:30.123456Z")]
    timestamp: String,
    /// Degrees, -90 to 90.
    #[schema(minimum = -90, maximum = 90, example = 41.387_421)]
    latitude: f64,
    /// Degrees, -180 to 180.
    #[schema(minimum = -180, maximum = 180, example = 2.168_612)]
    longitude: f64,
    /// Metres.
    #[schema(example = 12.4)]
    altitude: Option<f64>,
    /// Metres; above 50 the sample is kept but not used for coverage.
    #[schema(minimum = 0, example = 8.5)]
    horizontal_accuracy_meters: Option<f64>,
    #[serde(flatten)]
    origin: Origin,
    #[serde(flatten)]
    phone: PhoneState,
    /// The mesh's word for the kind of sample.
    kind: Option<String>,
    /// Part of the sample's key: two samples of one moment are told apart by it.
    event_id: Option<String>,
    /// The mesh cluster.
    cluster_id: Option<i64>,
    /// The mesh aggregate.
    agg_id: Option<i64>,
    /// The mesh's rating of the aggregate.
    score: Option<f64>,
    /// How many nodes the aggregate stands for.
    member_count: Option<i64>,
    /// The radio's spreading factor of the aggregate.
    agg_spreading_factor: Option<i64>,
    /// The phone's radio.
    radio: Option<Radio>,
}

/// Which device it came from, and by which way.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Origin {
    /// The canonical node identifier, as registered under `/v1/sdk/devices`.
    #[schema(example = "305419896")]
    device_id: Option<String>,
    /// Another text for the same device.
    #[schema(example = "CF:82:12:34:56:78")]
    hardware_id: Option<String>,
    /// `app`, `ble_node`, `device_hardware`, `device_hardware_pending`.
    #[schema(example = "app")]
    identity_source: Option<String>,
    /// The node's number.
    node_id: Option<u32>,
    /// The number of the node that cried for help or was measured.
    originator_node_id: Option<u32>,
    /// Set by a gateway that relays somebody else's node.
    relay_node_id: Option<u32>,
    /// The gateway's `deviceId`.
    relay_device_id: Option<String>,
    /// The gateway's `hardwareId`.
    relay_hardware_id: Option<String>,
    /// What raised it; unknown words are kept.
    #[schema(example = "button_ui")]
    source: Option<String>,
    /// What triggered it; unknown words are kept.
    #[schema(example = "button_ui")]
    trigger_source: Option<String>,
    /// How it was relayed; unknown words are kept.
    relay_source: Option<String>,
    /// `app`, `device` or `external`; other words are kept.
    #[schema(example = "app")]
    owner: Option<String>,
}

/// Batteries and coverage.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PhoneState {
    /// The device's battery.
    device_battery: Option<DeviceBattery>,
    /// The device's coverage.
    device_coverage: Option<Coverage>,
    /// Percent.
    #[schema(minimum = 0, maximum = 100, example = 71)]
    mobile_battery: Option<f64>,
    /// The phone's coverage.
    mobile_coverage: Option<Coverage>,
}

/// A device's battery; older clients send a number.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
enum DeviceBattery {
    #[serde(rename_all = "camelCase")]
    Level {
        /// 0 to 3.
        #[schema(minimum = 0, maximum = 3, example = 2)]
        raw_value: u8,
        /// `critical`, `low`, `medium`, `ok`.
        #[schema(example = "medium")]
        range: String,
    },
    Number(f64),
}

/// Coverage; older clients send an integer.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
enum Coverage {
    #[serde(rename_all = "camelCase")]
    Signal {
        /// Bars.
        #[schema(example = 3)]
        signal_strength: Option<i64>,
        /// Such as `mobile`, `wifi`, `ble`, `none`.
        #[schema(example = "mobile")]
        network_type: Option<String>,
        /// Whether there was a connection.
        #[schema(example = true)]
        is_connected: Option<bool>,
    },
    Number(i64),
}

/// How a widget was held.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OsWidgetActivation {
    /// What raised it; unknown words are kept.
    source: Option<String>,
    /// Such as `android` or `ios`.
    platform: Option<String>,
    /// Which gesture it was; part of what tells a repeat from a new cry.
    action_id: Option<String>,
    /// Made anew for each activation; part of what tells a repeat from a new cry.
    nonce: Option<String>,
    /// When it was held; part of what tells a repeat from a new cry.
    timestamp: Option<String>,
    /// How it was confirmed, such as `hold`.
    confirmation_mode: Option<String>,
}

/// The phone's radio.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Radio {
    /// Such as `4g` or `5g`.
    #[schema(example = "5g")]
    generation: Option<String>,
    /// `sa` or `nsa`, only for 5g.
    #[schema(example = "nsa")]
    five_g_mode: Option<String>,
    /// Whether it was connected.
    #[schema(example = true)]
    connected: Option<bool>,
}
