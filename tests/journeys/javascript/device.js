// aws-iot-device-sdk 2.x with a thing's certificate: its shadow client, and a wish that comes as a delta.
'use strict';
const { thingShadow } = require('aws-iot-device-sdk');
const { given, run } = require('./session');

run(() => new Promise((resolve, reject) => {
  const name = given.thingName;
  const told = { stages: [] };
  const shadows = thingShadow({
    protocol: 'mqtts', host: given.host, port: given.port, clientId: name,
    caPath: given.ca, certPath: given.certificate, keyPath: given.key,
  });
  shadows.on('error', reject);
  shadows.on('delta', (thing, document) => { told.delta = document.state; });
  shadows.on('status', (thing, status, token, document) => {
    told.stages.push(`${status}`);
    if (told.stages.length === 1) {
      shadows.update(name, { state: { desired: { lamp: 'on' } } });
    } else if (told.stages.length === 2) {
      shadows.get(name);
    } else {
      told.state = document.state;
      resolve(told);
    }
  });
  shadows.on('connect', () => {
    shadows.register(name, {}, () => { shadows.update(name, { state: { reported: { lamp: 'off' } } }); });
  });
}));
