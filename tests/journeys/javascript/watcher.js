// aws-iot-device-sdk 2.x over a WebSocket with temporary credentials: a person who watches a domain and publishes.
'use strict';
const { device } = require('aws-iot-device-sdk');
const { given, open, run } = require('./session');

run(async () => {
  const session = await open();
  const keys = await session.keys();
  const client = device({
    protocol: 'wss', host: given.host, port: given.port, region: session.manifest.Region,
    accessKeyId: keys.accessKeyId, secretKey: keys.secretAccessKey, sessionToken: keys.sessionToken,
    clientId: given.clientId,
  });
  const heard = {};
  const topic = `thing-update/${given.domain}/${given.thingName}`;
  await new Promise((resolve, reject) => {
    client.on('error', reject);
    client.on('message', (name, payload) => {
      heard[name] = JSON.parse(payload);
      if (Object.keys(heard).length === 3) resolve();
    });
    client.on('connect', () => {
      const families = ['', '-accepted', '-documents'].map((word) => `thing-update${word}/${given.domain}/#`);
      client.subscribe(families, { qos: 1 }, (error) => {
        if (error) { reject(error); return; }
        client.publish(topic, JSON.stringify({ state: { reported: { lamp: given.lamp } } }), { qos: 1 });
      });
    });
  });
  return { topics: Object.keys(heard).sort(), said: heard[topic] };
});
