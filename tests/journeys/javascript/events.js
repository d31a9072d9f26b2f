// socket.io-client 2.x: the Thing Event service by each transport, and by polling that goes over to a WebSocket.
'use strict';
const io = require('socket.io-client');
const { given, open, run } = require('./session');

function journey(manifest, credentials, transports) {
  const signed = { accountNumber: manifest.AccountNumber, stackName: manifest.Env, credentials };
  const topic = `$aws/things/${given.thingName}/shadow/update`;
  return new Promise((resolve, reject) => {
    const heard = [];
    const socket = io(manifest.ThingEvent, { transports, forceNew: true });
    let foreign = null;
    socket.on('connect_error', reject);
    socket.on('event', (message) => {
      heard.push(message.topic.replace(topic, ''));
      if (heard.length === 3) {
        const transport = socket.io.engine.transport.name;
        socket.close();
        resolve({ heard, foreign, transport });
      }
    });
    socket.on('connect', () => {
      socket.emit('subscribe', { ...signed, thingName: given.foreignName }, (answer) => {
        foreign = answer;
        socket.emit('subscribe', { ...signed, thingName: given.thingName });
        const payload = JSON.stringify({ state: { reported: { by: transports.join(' ') } } });
        socket.emit('publish', { ...signed, topic, payload });
      });
    });
  });
}

run(async () => {
  const session = await open();
  const keys = await session.keys();
  const told = [];
  for (const transports of [['polling'], ['websocket'], ['polling', 'websocket']]) {
    told.push(await journey(session.manifest, keys, transports));
  }
  return told;
});
