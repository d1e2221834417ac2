"""Plays the scene of clients/mod.rs with paho-mqtt and reports it as JSON."""

import json
import queue
import sys

import paho.mqtt.client as mqtt

stage = json.load(sys.stdin)
V5 = stage["version"] == "5"
LIMIT = 60


def client(name):
    made = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2,
        client_id=name,
        protocol=mqtt.MQTTv5 if V5 else mqtt.MQTTv311,
        transport="websockets" if stage["transport"] in ("ws", "wss") else "tcp",
        reconnect_on_failure=False,
    )
    if stage["transport"] in ("ws", "wss"):
        made.ws_set_options(path=stage["path"])
    if stage["transport"] in ("tls", "wss"):
        made.tls_set(ca_certs=stage["ca"])
    made.heard = {name: queue.Queue() for name in ("connect", "subscribe", "publish", "message", "disconnect")}
    made.on_connect = lambda c, u, flags, reason, p: c.heard["connect"].put(reason)
    made.on_subscribe = lambda c, u, mid, reasons, p: c.heard["subscribe"].put([r.value for r in reasons])
    made.on_publish = lambda c, u, mid, reason, p: c.heard["publish"].put(reason.value)
    made.on_message = lambda c, u, message: c.heard["message"].put((message.topic, json.loads(message.payload)))
    made.on_disconnect = lambda c, u, flags, reason, p: c.heard["disconnect"].put(reason.value)
    return made


def start(made, password):
    made.username_pw_set(stage["username"], password)
    made.connect(stage["host"], stage["port"], keepalive=30)
    made.loop_start()
    return made.heard["connect"].get(timeout=LIMIT)


def refusal(reason):
    """paho words the return codes of 3.1.1 as reason codes of 5: back to what was on the wire."""
    return reason.value if V5 else {0x86: 4, 0x87: 5}.get(reason.value, reason.value)


report = {}

liar = client("liar")
report["wrong_password"] = refusal(start(liar, "f" * 64))
liar.loop_stop()

phone = client("eixam_phone")
assert start(phone, stage["password"]).value == 0
phone.subscribe([(f"sos/events/{stage['uuid']}", 1), (f"sos/events/{stage['alias']}", 1)])
report["subscribed"] = phone.heard["subscribe"].get(timeout=LIMIT)

position = {"timestamp": stage["timestamp"], "latitude": 41.38, "longitude": 2.17}
phone.publish(f"sos/alerts/{stage['uuid']}", json.dumps(position), qos=1)
report["sos"] = phone.heard["publish"].get(timeout=LIMIT)
# The event comes once on each topic that was subscribed.
events = dict(phone.heard["message"].get(timeout=LIMIT) for _ in range(2))
report["event"] = events[f"sos/events/{stage['uuid']}"]
alias = events[f"sos/events/{stage['alias']}"]
assert alias["userId"] == stage["alias"], alias
assert alias["eventId"] == report["event"]["eventId"], alias

phone.publish(f"tel/{stage['uuid']}/data", json.dumps(position), qos=1)
report["telemetry"] = phone.heard["publish"].get(timeout=LIMIT)

phone.publish("sos/alerts/somebody-else", json.dumps(position), qos=1)
if V5:
    report["foreign"] = phone.heard["publish"].get(timeout=LIMIT)
else:
    phone.heard["disconnect"].get(timeout=LIMIT)
    report["foreign"] = "closed"
phone.disconnect()
phone.loop_stop()

print(json.dumps(report))
