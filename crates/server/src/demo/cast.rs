//! Ana and Ben, set up over HTTP as their phones would.

use serde_json::{Value, json};

use super::Addresses;
use super::account::{APP_ID, Account};
use super::http_client::HttpClient;
use crate::failure::Failure;

/// Who is asked first.
pub(super) const BEN_PHONE: &str = "+34600000002";
/// Who is asked next.
pub(super) const CARLA_PHONE: &str = "+34600000003";
/// Ana's paired device.
pub(super) const DEVICE_ID: &str = "CF:82:11:0A:5E:31";

/// One of the demo's users, ready to call.
pub(super) struct Person {
    /// The name on the stage.
    pub(super) name: &'static str,
    /// The partner's id.
    pub(super) external_id: &'static str,
    /// What proves them.
    pub(super) hash: String,
    /// The UUID in the topics.
    pub(super) user_id: String,
    /// Their phone's HTTP side.
    pub(super) http: HttpClient,
}

impl Person {
    /// The MQTT username.
    pub(super) fn mqtt_username(&self) -> String {
        format!("sdk:{APP_ID}:{}", self.external_id)
    }
}

/// Everybody.
pub(super) struct Cast {
    /// The story is about her.
    pub(super) ana: Person,
    /// The printed lines are his.
    pub(super) ben: Person,
}

/// Sets both up. What an earlier run left is kept.
pub(super) async fn assemble(account: &Account, addresses: Addresses) -> Result<Cast, Failure> {
    let ana = person(account, addresses, "Ana", "ana").await?;
    let ben = person(account, addresses, "Ben", "ben").await?;
    let device = json!({
        "hardware_id": DEVICE_ID,
        "hardware_model": "EIXAM R1",
        "firmware_version": "1.4.2",
    });
    ana.http.post("/v1/sdk/devices", &device).await?;
    contact(&ana, "Ben", BEN_PHONE, "ben@example.org").await?;
    contact(&ana, "Carla", CARLA_PHONE, "carla@example.org").await?;
    contact(&ben, "Ana", "+34600000001", "ana@example.org").await?;
    Ok(Cast { ana, ben })
}

async fn person(
    account: &Account,
    addresses: Addresses,
    name: &'static str,
    external_id: &'static str,
) -> Result<Person, Failure> {
    let hash = account.sign(external_id)?;
    let http = HttpClient::new(addresses.http, APP_ID, external_id, &hash);
    let me = http.put("/v1/sdk/me", &json!({ "name": name })).await?.body;
    let user_id = me.pointer("/user/id").and_then(Value::as_str);
    let user_id = user_id.ok_or_else(|| Failure::new("/v1/sdk/me answered without an id"))?;
    Ok(Person {
        name,
        external_id,
        hash,
        user_id: user_id.to_owned(),
        http,
    })
}

/// Adds an emergency contact unless an earlier run did.
async fn contact(of: &Person, name: &str, phone: &str, email: &str) -> Result<(), Failure> {
    let known = of.http.get("/v1/sdk/contacts").await?.body;
    let known = known.get("contacts").and_then(Value::as_array);
    let listed = known.is_some_and(|contacts| {
        contacts
            .iter()
            .any(|contact| contact.get("email").and_then(Value::as_str) == Some(email))
    });
    if !listed {
        let contact = json!({ "name": name, "phone": phone, "email": email });
        of.http.post("/v1/sdk/contacts", &contact).await?;
    }
    Ok(())
}
