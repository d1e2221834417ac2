//! Lets go of releases that were never finished, or not wholly removed.

use std::time::Duration;

use mayday_core::identity::AppId;
use mayday_core::ids::RecordId;
use mayday_store::Lane;
use mayday_store::firmware::{self, AbandonFirmware, RemoveFirmwareChunks};

use crate::{App, AppError};

/// How long an upload may rest before it counts as broken off.
const UNFINISHED_FOR: Duration = Duration::from_hours(1);

impl App {
    /// Removes what was left incomplete; answers how many releases went.
    pub async fn sweep_firmware(&self) -> Result<usize, AppError> {
        let since = self.clock.now().minus(UNFINISHED_FOR);
        let left = {
            let mut tx = self.store.read().await?;
            firmware::incomplete_since(&mut tx, since).await?
        };
        for (release, app_id) in &left {
            self.remove_firmware(app_id.clone(), *release).await?;
        }
        Ok(left.len())
    }

    /// Removes a release and its bytes; answers whether the app had it. Broken
    /// off, it is gone for everybody and its bytes go with the next sweep.
    pub(crate) async fn remove_firmware(
        &self,
        app_id: AppId,
        release: RecordId,
    ) -> Result<bool, AppError> {
        let abandon = AbandonFirmware { app_id, release };
        if !self.store.write(Lane::Rest, abandon).await? {
            return Ok(false);
        }
        let remove = RemoveFirmwareChunks { release };
        while self.store.write(Lane::Rest, remove).await? {}
        Ok(true)
    }
}
