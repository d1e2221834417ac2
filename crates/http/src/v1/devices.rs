//! `/v1/sdk/devices`: the hardware that can cry for help in its owner's name.
//! `snake_case`.

pub(crate) mod list;
pub(crate) mod register;
pub(crate) mod remove;

use mayday_core::device::Device;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// One device.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeviceAnswer {
    /// The device.
    device: DeviceView,
}

/// All devices.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DevicesAnswer {
    /// The first registered first.
    devices: Vec<DeviceView>,
}

/// A registered device.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Device)]
struct DeviceView {
    /// The id of the registration.
    #[schema(example = "0199d7a3-77aa-7b40-93c1-5d6e7f809102")]
    id: Uuid,
    /// The canonical identifier of the node, as given.
    #[schema(example = "CF:82:12:34:56:78")]
    hardware_id: String,
    /// The firmware.
    #[schema(example = "2.5.1")]
    firmware_version: Option<String>,
    /// The model.
    #[schema(example = "EIXAM R1")]
    hardware_model: Option<String>,
    /// When it was paired.
    #[schema(format = DateTime, example = "2026-09-01T08:00:00.000Z")]
    paired_at: Option<String>,
    /// `owner`, or `contested` when somebody else listed it earlier: then
    /// relays of it are theirs, until they remove it.
    #[schema(example = "owner")]
    ownership: &'static str,
    /// When it was first registered.
    #[schema(format = DateTime, example = "2026-09-01T08:00:02.114Z")]
    created_at: String,
    /// When it was last registered.
    #[schema(format = DateTime, example = "2026-09-01T08:00:02.114Z")]
    updated_at: String,
}

impl From<Device> for DeviceView {
    fn from(device: Device) -> Self {
        Self {
            id: device.id.uuid(),
            hardware_id: device.hardware_id,
            firmware_version: device.firmware_version,
            hardware_model: device.hardware_model,
            paired_at: device.paired_at.map(|time| time.to_string()),
            ownership: device.ownership.as_str(),
            created_at: device.created_at.to_string(),
            updated_at: device.updated_at.to_string(),
        }
    }
}
