// Plays the scene of clients/mod.rs with mqtt.js and reports it as JSON.
'use strict';

const mqtt = require('mqtt');
const stage = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
const LIMIT = 60_000;

const within = (what, promise) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing within 60 s`)), LIMIT);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

const scheme = { tcp: 'mqtt', tls: 'mqtts', ws: 'ws', wss: 'wss' }[stage.transport];
const path = scheme.startsWith('ws') ? stage.path : '';
const url = `${scheme}://${stage.host}:${stage.port}${path}`;
const trust = ['tls', 'wss'].includes(stage.transport)
  ? { ca: require('node:fs').readFileSync(stage.ca) }
  : {};

const open = (clientId, password) =>
  mqtt.connect(url, {
    ...trust,
    protocolVersion: stage.version === '5' ? 5 : 4,
    clientId,
    username: stage.username,
    password,
    clean: true,
    keepalive: 30,
    reconnectPeriod: 0,
  });

// 0 when acknowledged, the reason code when refused, 'closed' when cut instead.
const publish = (client, topic, body) =>
  within(topic, new Promise((resolve) => {
    client.once('close', () => resolve('closed'));
    client.publish(topic, JSON.stringify(body), { qos: 1 }, (error) => {
      if (!error) resolve(0);
      else if (typeof error.code === 'number') resolve(error.code);
      else resolve('closed');
    });
  }));

async function main() {
  const report = {};

  const liar = open('liar', 'f'.repeat(64));
  report.wrong_password = await within('refusal', new Promise((resolve) => {
    liar.on('error', (error) => resolve(error.code));
    liar.on('connect', () => resolve(0));
  }));
  liar.end(true);

  const phone = open('eixam_phone', stage.password);
  phone.on('error', (error) => { if (!report.sos) throw error; });
  await within('connect', new Promise((resolve) => phone.once('connect', resolve)));

  const own = `sos/events/${stage.uuid}`;
  const alias = `sos/events/${stage.alias}`;
  const events = {};
  const both = new Promise((resolve) => {
    phone.on('message', (topic, payload) => {
      events[topic] = JSON.parse(payload.toString());
      if (events[own] && events[alias]) resolve();
    });
  });
  const granted = await within('subscribe', phone.subscribeAsync([own, alias], { qos: 1 }));
  report.subscribed = granted.map((one) => one.qos);

  const position = { timestamp: stage.timestamp, latitude: 41.38, longitude: 2.17 };
  report.sos = await publish(phone, `sos/alerts/${stage.uuid}`, position);
  await within('events', both);
  report.event = events[own];
  if (events[alias].userId !== stage.alias) throw new Error(JSON.stringify(events[alias]));
  if (events[alias].eventId !== events[own].eventId) throw new Error('two ids for one event');

  report.telemetry = await publish(phone, `tel/${stage.uuid}/data`, position);
  report.foreign = await publish(phone, 'sos/alerts/somebody-else', position);
  phone.end(true);

  console.log(JSON.stringify(report));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
