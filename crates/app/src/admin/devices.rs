//! Devices of an app: list them, decide whose a contested one is.

use mayday_core::ids::DeviceId;
use mayday_store::Lane;
use mayday_store::devices::{self, AssignDevice, Assigned, ListedDevice};
use mayday_store::users;

use super::page::Window;
use super::secrets::known_app;
use super::users::unknown_user;
use super::{AdminError, AdminReply, DeviceView, PageRequest, app_id, external_id};
use crate::App;

impl App {
    pub(super) async fn list_devices(
        &self,
        id: &str,
        contested: bool,
        page: &PageRequest,
    ) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let window = Window::of(page)?;
        let cursor = page.cursor.as_deref().map(str::parse::<DeviceId>);
        let after = cursor.transpose().map_err(|_| foreign_cursor())?;
        let mut tx = self.store.read().await?;
        let app = known_app(&mut tx, &app_id).await?;
        let rows = devices::page(&mut tx, app, contested, after, window.fetch()).await?;
        let rows = rows.ok_or_else(foreign_cursor)?;
        let page = window.page(rows, |row| row.device.id.to_string());
        Ok(AdminReply::Devices(page.map(view)))
    }

    pub(super) async fn assign_device(
        &self,
        id: &str,
        user: &str,
        device: &str,
    ) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let external_id = external_id(user)?;
        let mut tx = self.store.read().await?;
        let app = known_app(&mut tx, &app_id).await?;
        let row = users::find(&mut tx, app, &external_id).await?;
        drop(tx);
        let user = row.ok_or_else(|| unknown_user(&app_id, &external_id))?.id;
        let assign = AssignDevice {
            app,
            user,
            device: device.to_owned(),
        };
        match self.store.write(Lane::Rest, assign).await? {
            Assigned::Device { device, at } => {
                tracing::info!(
                    app.id = %app_id,
                    user.id = %user,
                    device.id = %device.id,
                    "an administrator decided whose a device is"
                );
                Ok(AdminReply::Device(view(ListedDevice {
                    device,
                    external_id: external_id.to_string(),
                    assigned_at: Some(at),
                })))
            }
            Assigned::NotListed => Err(AdminError::NotFound {
                message: format!(
                    "{external_id} does not list the device {device}: the phone registers it \
                     first (`mayday device list --app {app_id}` shows all)"
                ),
            }),
        }
    }
}

fn foreign_cursor() -> AdminError {
    AdminError::Invalid {
        message: "the cursor is none of this list, or its device was removed: leave it out to \
                  begin"
            .to_owned(),
    }
}

fn view(listed: ListedDevice) -> DeviceView {
    let device = listed.device;
    DeviceView {
        id: device.id,
        hardware_id: device.hardware_id,
        alias: device.alias,
        user_id: device.user,
        external_user_id: listed.external_id,
        ownership: device.ownership.as_str().to_owned(),
        assigned_at: listed.assigned_at,
        hardware_model: device.hardware_model,
        firmware_version: device.firmware_version,
        paired_at: device.paired_at,
        created_at: device.created_at,
        updated_at: device.updated_at,
    }
}
