// Logs in as a page of Cloud Connect 2.11 does: manifest, guest, LOGIN, then the credentials of one's own.
'use strict';
process.env.AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE = '1';
const https = require('https');
const AWS = require('aws-sdk');

const given = JSON.parse(process.env.JOURNEY);

function fetchJson(url) {
  return new Promise((resolve, reject) => {
    https.get(url, (response) => {
      let text = '';
      response.on('data', (piece) => { text += piece; });
      response.on('end', () => resolve(JSON.parse(text)));
    }).on('error', reject);
  });
}

class Session {
  constructor(manifest) {
    this.manifest = manifest;
    AWS.config.region = manifest.Region;
    for (const service of ['cognitoidentity', 'lambda', 'sts', 'iotdata', 's3']) {
      AWS.config[service] = { endpoint: given.https };
    }
    AWS.config.credentials = new AWS.CognitoIdentityCredentials({ IdentityPoolId: manifest.IdentityPool });
  }

  async invoke(name, payload) {
    const answer = await new AWS.Lambda().invoke({
      FunctionName: this.manifest[name], Payload: JSON.stringify(payload),
    }).promise();
    const result = JSON.parse(answer.Payload);
    if (result && result.errorMessage) throw Object.assign(new Error(), JSON.parse(result.errorMessage));
    return result;
  }

  async logIn() {
    const { userName, password } = given;
    this.login = await this.invoke('AuthLambda', { action: 'LOGIN', attributes: { userName, password } });
    const provider = `cognito-idp.${this.manifest.Region}.amazonaws.com/${this.manifest.UserPool}`;
    AWS.config.credentials.params.Logins = { [provider]: this.login.credentials.token };
    AWS.config.credentials.expired = true;
    return this;
  }

  async keys() {
    await AWS.config.credentials.getPromise();
    const { accessKeyId, secretAccessKey, sessionToken } = AWS.config.credentials;
    return { accessKeyId, secretAccessKey, sessionToken };
  }
}

exports.given = given;
exports.AWS = AWS;
exports.open = async () => new Session(await fetchJson(given.manifestUrl)).logIn();

// Runs a journey, prints what it returns as JSON, and ends with a failure when it takes too long.
exports.run = (journey) => {
  const timer = setTimeout(() => { console.error('the journey took too long'); process.exit(1); }, 40000);
  journey().then(
    (told) => { clearTimeout(timer); process.stdout.write(`${JSON.stringify(told)}\n`, () => process.exit(0)); },
    (error) => { console.error(error); process.exit(1); },
  );
};
