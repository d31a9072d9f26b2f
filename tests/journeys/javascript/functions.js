// aws-sdk 2.x: functions, errors as clients parse them, who one is, shadows over HTTP, files in buckets.
'use strict';
const { AWS, given, open, run } = require('./session');

run(async () => {
  const session = await open();
  const thingName = given.thingName;
  const identity = await new AWS.STS().getCallerIdentity({}).promise();
  const thing = await session.invoke('ThingLambda', {
    action: 'GET', attributes: { thingName, label: null, domain: null, domainTopic: null },
  });
  const refused = await session.invoke('ThingLambda', { action: 'GET', attributes: {} }).catch((error) => error);
  const iot = new AWS.IotData();
  const payload = JSON.stringify({ state: { desired: { lamp: given.lamp } } });
  await iot.updateThingShadow({ thingName, payload }).promise();
  const shadow = JSON.parse((await iot.getThingShadow({ thingName }).promise()).payload);
  const users = await session.invoke('UserLambda', { action: 'LIST', attributes: { userName: null }, size: 2, page: 1 });
  const rules = await session.invoke('RuleLambda', { action: 'LIST' });
  const s3 = new AWS.S3({ s3ForcePathStyle: true });
  const buckets = (await s3.listBuckets().promise()).Buckets.map((bucket) => bucket.Name);
  return {
    arn: identity.Arn,
    thing,
    refused: { messageKey: refused.messageKey, property: refused.property },
    lamp: shadow.state.desired.lamp,
    users: users.users.length,
    rules: Array.isArray(rules),
    buckets,
    manifest: session.manifest,
  };
});
