// The live view of one thing: its shadow, its figures, its last observations.
"use strict";
(() => {
  const here = window.CLOUDSTEAD, $ = (id) => document.getElementById(id);
  const KEPT = 120, ROWS = 12, COLUMNS = 6, SHOWN = 140, RECENT_MS = 15 * 60 * 1000;
  const kept = JSON.parse(sessionStorage.getItem("login") || "null");
  const isGuest = Boolean(here.token && !kept);  // with a token that only reads, put in by the server for this machine alone
  let login = isGuest ? { token: here.token } : kept;
  let line = null, chosen = null, topic = null, rejections = null, shadow = {}, version = 0, history = [], heardAt = 0;

  // --- talking to the functions ---------------------------------------------------------------------------------
  class Refused extends Error {}
  async function invoke(name, payload, isRetry) {
    const headers = { "Content-Type": "application/json" };
    if (login && name !== "AuthLambda") headers.Authorization = "Bearer " + login.token;
    const response = await fetch("/functions/" + name, { method: "POST", headers, body: JSON.stringify(payload) });
    if (response.status === 401 && name !== "AuthLambda" && !isRetry && await renew()) return invoke(name, payload, true);
    const answer = await response.json();
    if (answer && answer.errorMessage) throw new Refused(JSON.parse(answer.errorMessage).message);
    if (!response.ok) throw new Refused(answer.message || response.statusText);
    return answer;
  }
  async function readHistory(name, query, isRetry) {
    const response = await fetch(`/things/${encodeURIComponent(name)}/shadow/history?${query}`, { headers: { Authorization: "Bearer " + login.token } });
    if (response.status === 401 && !isRetry && await renew()) return readHistory(name, query, true);
    const answer = await response.json();
    if (!response.ok) throw new Refused(answer.message || response.statusText);
    return answer;
  }
  async function renew() {
    if (isGuest) {  // the server puts a fresh token into a fresh page; once a minute is often enough
      const last = Number(sessionStorage.getItem("reloaded") || 0);
      if (Date.now() - last > 60000) { sessionStorage.setItem("reloaded", Date.now()); location.reload(); }
      return false;
    }
    try {
      const answer = await invoke("AuthLambda", { action: "REFRESH", attributes: { refreshToken: login.refreshToken } });
      keep(answer);
      if (line) line.password = login.token;
      return true;
    } catch { leave(); return false; }
  }
  function keep(answer) {
    login = { token: answer.credentials.token, refreshToken: answer.credentials.refreshToken, user: answer.user };
    sessionStorage.setItem("login", JSON.stringify(login));
  }

  // --- small things ---------------------------------------------------------------------------------------------
  function make(tag, words, className) {
    const node = document.createElement(tag);
    if (words !== undefined) node.textContent = words;
    if (className) node.className = className;
    return node;
  }
  function leaves(value, path = "", found = new Map()) {
    if (value !== null && typeof value === "object" && !Array.isArray(value)) {
      for (const [key, below] of Object.entries(value)) leaves(below, path ? path + "." + key : key, found);
    } else if (path) found.set(path, value);
    return found;
  }
  function merge(into, change) {  // null deletes, objects merge, everything else replaces
    for (const [key, value] of Object.entries(change || {})) {
      if (value === null) delete into[key];
      else if (typeof value === "object" && !Array.isArray(value)) {
        const held = into[key];
        into[key] = merge(held && typeof held === "object" && !Array.isArray(held) ? held : {}, value);
      } else into[key] = value;
    }
    return into;
  }
  function scaled(value, units, step) {
    let unit = 0;
    while (Math.abs(value) >= step && unit < units.length - 1) { value /= step; unit += 1; }
    return value.toLocaleString("en", { maximumFractionDigits: value < 100 ? 1 : 0 }) + " " + units[unit];
  }
  function duration(seconds) {
    const minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60), days = Math.floor(hours / 24);
    if (days) return `${days} d ${hours % 24} h`;
    if (hours) return `${hours} h ${minutes % 60} min`;
    return minutes ? `${minutes} min` : `${seconds} s`;
  }
  function shown(path, value) {
    if (value === undefined) return "";
    if (typeof value !== "number") return typeof value === "string" ? value : JSON.stringify(value);
    if (/bytes_s$/.test(path)) return scaled(value, ["B/s", "KB/s", "MB/s", "GB/s"], 1000);
    if (/bytes$/.test(path)) return scaled(value, ["B", "KB", "MB", "GB", "TB"], 1000);
    if (/percent$/.test(path)) return value.toFixed(1) + " %";
    if (/temperature_c$/.test(path)) return value.toFixed(1) + " °C";
    if (/_at$/.test(path) && value > 1e9 && value < 1e10) return new Date(value * 1000).toLocaleString();
    if (/uptime_s$/.test(path)) return duration(value);
    return value.toLocaleString("en", { maximumFractionDigits: 3 });
  }

  // --- showing --------------------------------------------------------------------------------------------------
  function told() {  // how often each path was said, and whether it ever changed
    const all = new Map();
    for (const { values } of history) {
      for (const [path, value] of values) {
        const { times = 0, last = value, varies = false } = all.get(path) || {};
        all.set(path, { times: times + 1, last: value, varies: varies || last !== value });
      }
    }
    return all;
  }
  function isFact({ times, varies }) {  // said once, or again after each start: what a thing is, not how it is doing
    return times < 2 || (!varies && times * 10 < history.length);
  }
  function figures(all) {  // numbers that keep coming
    return [...all].filter(([, each]) => typeof each.last === "number" && (history.length < 2 || !isFact(each))).map(([path]) => path);
  }
  function facts(all, desired, reported) {
    if (history.length < 2) return [];
    return [...reported.keys()].filter((path) => !desired.has(path) && (!all.has(path) || isFact(all.get(path)))).sort();
  }
  function drawFacts(paths, reported) {
    $("facts").replaceChildren(...paths.map((path) => {
      const fact = make("div");
      fact.append(make("dt", path), make("dd", shown(path, reported.get(path))));
      return fact;
    }));
  }
  function spark(path) {
    const points = history.map(({ values }) => values.get(path)).filter((value) => typeof value === "number").slice(-60);
    const low = Math.min(...points), span = Math.max(...points) - low;
    const space = "http://www.w3.org/2000/svg", svg = document.createElementNS(space, "svg");
    const lineShape = document.createElementNS(space, "polyline");
    svg.setAttribute("viewBox", "0 0 100 24"); svg.setAttribute("preserveAspectRatio", "none"); svg.setAttribute("aria-hidden", "true");
    lineShape.setAttribute("points", points.map((value, at) =>
      `${(points.length > 1 ? at / (points.length - 1) : 1) * 100},${span ? 22 - (value - low) / span * 20 : 12}`).join(" "));
    svg.append(lineShape);
    return svg;
  }
  function draw() {
    const all = told(), paths = figures(all), last = history.length ? history[history.length - 1].values : new Map();
    $("tiles").replaceChildren(...paths.map((path) => {
      const tile = make("div", undefined, "tile");
      tile.append(make("span", path), make("b", shown(path, last.has(path) ? last.get(path) : leaves(shadow.reported).get(path))), spark(path));
      return tile;
    }));
    const desired = leaves(shadow.desired), reported = leaves(shadow.reported);
    const apart = facts(all, desired, reported), isApart = new Set(apart);
    drawFacts(apart, reported);
    const inTable = [...new Set([...desired.keys(), ...reported.keys()])].filter((path) => !isApart.has(path));
    $("shadow").replaceChildren(...inTable.sort().map((path) => {
      const isOpen = desired.has(path) && JSON.stringify(desired.get(path)) !== JSON.stringify(reported.get(path));
      const row = make("tr", undefined, isOpen ? "open" : "");
      row.append(make("td", path), ...[desired, reported].map((section) => {
        const text = shown(path, section.get(path));
        return make("td", text.length > 400 ? text.slice(0, 400) + "…" : text, text.length > 24 ? "long" : "");
      }));
      return row;
    }));
    const columns = paths.slice(0, COLUMNS), head = make("tr");
    head.append(make("th", "Time"), ...columns.map((path) => make("th", path)));
    $("columns").replaceChildren(head);
    $("rows").replaceChildren(...history.slice(-ROWS).reverse().map(({ at, values }) => {
      const row = make("tr");
      row.append(make("td", new Date(at).toLocaleTimeString()), ...columns.map((path) => make("td", shown(path, values.get(path)))));
      return row;
    }));
    $("silent").hidden = history.length > 0;
    tell();
  }
  function drawChanges() {
    const rows = changes.rows();
    $("changes").replaceChildren(...rows.map(({ isReport, isRejected, trace, when, who, what, version, request }) => {
      const row = make("tr", undefined, isRejected ? "open" : isReport ? "quiet" : "");
      const asked = make("td", request.length > SHOWN ? request.slice(0, SHOWN) + "…" : request, "request");
      asked.title = request.slice(0, 2000);
      const link = make("a", when), time = make("td");
      link.href = trace; link.title = "Follow this message"; time.append(link);
      row.append(time, make("td", who), make("td", what), make("td", version), asked);
      return row;
    }));
    $("unchanged").hidden = rows.length > 0;
    $("earlier").hidden = changes.before === null;
  }
  function tell() {
    const age = Math.max(0, Math.round((Date.now() - heardAt) / 1000));
    $("heard").textContent = heardAt ? `· heard ${age < 2 ? "just now" : age < 120 ? age + " s ago" : Math.round(age / 60) + " min ago"} · version ${version}` : "";
  }
  function state(words, className) { $("line").textContent = words; $("line").className = "pill " + (className || ""); }

  // --- one thing ------------------------------------------------------------------------------------------------
  async function look(name, isFirst) {
    const [thing, found] = await Promise.all([
      invoke("ThingLambda", { action: "GET", attributes: { thingName: name, thingType: null, label: null, description: null, domain: null, shadow: null, domainTopic: null } }),
      invoke("ObservationLambda", { action: "FIND", query: {
        size: isFirst ? KEPT : ROWS, sort: [{ timestamp: { order: "desc" } }],
        query: { bool: { must: [{ term: { thingName: name } }, { range: { timestamp: { gte: Date.now() - RECENT_MS } } }] } } } }),
    ]);
    if (name !== chosen) return;
    $("thing").hidden = false;
    const held = thing.shadow || {};
    if (isFirst || (held.version || 0) > version) {
      shadow = held.state || {};
      version = held.version || 0;
    }
    // What the live line brings is not read twice: its times are those of this machine's clock.
    if (isFirst || !line.isUp) for (const { _source } of found.hits.hits.reverse()) remember(_source.timestamp, _source.state);
    $("name").textContent = thing.label || name;
    $("about").textContent = [name, thing.thingType, thing.domain && thing.domain.id, thing.description].filter(Boolean).join(" · ");
    if (isFirst && line) {
      [topic, rejections] = ["accepted", "rejected"].map((what) => `thing-update-${what}${thing.domainTopic}${name}`);
      line.subscribe(topic); line.subscribe(rejections);
    }
    draw();
    changes.refresh();
  }
  function remember(at, said) {
    if (!said || at <= heardAt) return;
    history.push({ at, values: leaves(said) });
    history = history.slice(-KEPT);
    heardAt = at;
  }
  function choose(name) {
    if (topic && line) { line.unsubscribe(topic); line.unsubscribe(rejections); }
    [chosen, topic, rejections, shadow, version, history, heardAt] = [name, null, null, {}, 0, [], 0];
    window.history.replaceState(null, "", "#" + new URLSearchParams({ thing: name }));
    changes.follow(name);
    drawChanges();
    for (const button of $("things").querySelectorAll("button")) button.toggleAttribute("aria-current", button.dataset.name === name);
    $("empty").hidden = true;
    look(name, true).catch((error) => { if (name === chosen) $("thing").hidden = true; complain(error); });
  }
  function hear(from, text) {
    if (from === rejections) changes.refresh();
    if (from !== topic) return;
    const message = JSON.parse(text), change = message.state;
    version = message.version;
    for (const section of ["desired", "reported"]) {
      if (change === null || change[section] === null) shadow[section] = {};
      else shadow[section] = merge(shadow[section] || {}, change[section]);
    }
    if (change && change.reported) remember(Math.max(Date.now(), heardAt + 1), change.reported);
    // Only a thing's own report changes nothing that is desired; who did the rest is for the history to say.
    if (change && !("desired" in change)) changes.hear(version, change); else changes.refresh();
    draw();
  }

  // --- the house ------------------------------------------------------------------------------------------------
  function asked() { return new URLSearchParams(location.hash.slice(1)).get("thing"); }
  async function listThings() {
    const text = $("seek").value.trim(), pattern = `*${text.replace(/[\\*?]/g, "\\$&")}*`;
    const query = text
      ? { bool: { should: [{ wildcard: { thingName: pattern } }, { wildcard: { "label.lowercase": pattern.toLowerCase() } }] } }
      : { bool: { must: { match_all: { boost: 0 } }, should: { term: { thingName: here.thingName || "" } } } };  // this machine stands first
    const sort = [...(text ? [] : ["_score"]), { thingName: { order: "asc" } }];
    const found = await invoke("ThingLambda", { action: "FIND", query: { query, size: 50, sort } });
    if (text !== $("seek").value.trim()) return;
    const things = found.hits.hits.map((hit) => hit._source);
    $("seek").hidden = !text && found.hits.total <= things.length;
    $("count").textContent = found.hits.total > things.length ? `${things.length} of ${found.hits.total}` : "";
    $("things").replaceChildren(...things.map(({ thingName, label }) => {
      const item = make("li"), button = make("button", label || thingName);
      button.type = "button"; button.dataset.name = thingName; button.title = thingName;
      button.toggleAttribute("aria-current", thingName === chosen);
      button.onclick = () => choose(thingName);
      item.append(button);
      return item;
    }));
    const names = things.map(({ thingName }) => thingName);
    if (!chosen && asked()) choose(asked());
    else if (!chosen && names.length) choose(names.includes(here.thingName) ? here.thingName : names[0]);
    else if (!chosen && here.thingName) choose(here.thingName);
    $("empty").hidden = Boolean(chosen);
  }
  function complain(error) { if (login) state(error instanceof Refused ? error.message : "the server does not answer", "lost"); }
  function enter() {
    $("door").hidden = true; $("room").hidden = false;
    $("who").textContent = login.user ? login.user.userName : "reading only, from this machine";
    $("leave").hidden = isGuest;
    $("enter").hidden = !isGuest;
    $("wish").hidden = isGuest || (login.user && login.user.roleName === "Read");
    state("connecting");
    line = new MqttLine(location.origin.replace(/^http/, "ws") + "/mqtt", {
      userName: "token", password: login.token, onMessage: hear,
      onState: (isUp) => isUp ? state("live", "live") : state("polling"),
    });
    listThings().catch(complain);
  }
  function leave() {
    sessionStorage.removeItem("login");
    if (line) line.close();
    location.reload();
  }
  function snippets() {
    const origin = here.http || here.https || location.origin, [host, port] = (here.mqtts || "").split(/:(?=\d+$)/);
    const trust = origin.startsWith("https:") ? ` --cacert ${here.caFile}` : "", verify = trust ? `, verify="${here.caFile}"` : "";
    const files = "--cacert pump-1/ca.pem --cert pump-1/cert.pem --key pump-1/privkey.pem";
    const reports = here.https ? `curl ${files} ${here.https}/things/pump-1/shadow \\
  -d '{"state": {"reported": {"bar": 3.2}}}'
` : "";
    const publishes = here.mqtts ? `
mosquitto_pub -h ${host || here.hostname} -p ${port || 8883} ${files.replaceAll("--cacert", "--cafile")} \\
  -q 1 -t '$aws/things/pump-1/shadow/update' -m '{"state": {"reported": {"bar": 3.3}}}'` : "";
    $("device").textContent = `KEY=YOUR_API_KEY
ask() { curl -s${trust} ${origin}/functions/$1 -H "Authorization: Bearer $KEY" -d "$2"; }
ask ThingTypeLambda '{"action": "CREATE", "attributes": {"id": "pump", "label": "Pump", "domain": "root"}}'
ask ThingLambda '{"action": "CREATE", "attributes": {"thingName": "pump-1", "thingType": "pump", "domain": "root"}}'
ask ThingLambda '{"action": "DOWNLOAD_CERTIFICATE", "attributes": {"thingName": "pump-1"}}' | tr -d '"' | base64 -d > pump-1.zip
python3 -m zipfile -e pump-1.zip .

${reports}${publishes}`;
    $("curl").textContent = `TOKEN=$(curl -s${trust} ${origin}/functions/AuthLambda \\
  -d '{"action": "LOGIN", "attributes": {"userName": "${here.userName || "admin"}", "password": "YOUR PASSWORD"}}' \\
  | python3 -c 'import json, sys; print(json.load(sys.stdin)["credentials"]["token"])')

curl -s${trust} ${origin}/functions/ObservationLambda -H "Authorization: Bearer $TOKEN" \\
  -d '{"action": "FIND", "query": {
  "size": 0,
  "query": {"range": {"timestamp": {"gte": "now-1h"}}},
  "aggs": {"minutes": {"date_histogram": {"field": "timestamp", "interval": "minute"},
           "aggs": {"cpu": {"avg": {"field": "state.cpu.percent"}}}}}}}'`;
    $("boto3").textContent = `import base64, io, json, urllib.request, zipfile
import boto3
from botocore import UNSIGNED
from botocore.config import Config

ORIGIN, REGION = "${origin}", "${here.region}"
manifest = json.load(urllib.request.urlopen("${origin}/prod/manifest/?hostname=${here.hostname}"))
cognito = boto3.client("cognito-identity", endpoint_url=ORIGIN, region_name=REGION, config=Config(signature_version=UNSIGNED)${verify})
guest = cognito.get_id(IdentityPoolId=manifest["IdentityPool"])["IdentityId"]

def functions(logins={}):
    keys = cognito.get_credentials_for_identity(IdentityId=guest, Logins=logins)["Credentials"]
    client = boto3.client("lambda", endpoint_url=ORIGIN, region_name=REGION, aws_access_key_id=keys["AccessKeyId"],
                          aws_secret_access_key=keys["SecretKey"], aws_session_token=keys["SessionToken"]${verify})
    return lambda name, **payload: json.load(client.invoke(FunctionName=manifest[name], Payload=json.dumps(payload))["Payload"])

login = functions()("AuthLambda", action="LOGIN", attributes={"userName": "${here.userName || "admin"}", "password": "YOUR PASSWORD"})
provider = f"cognito-idp.{REGION}.amazonaws.com/{manifest['UserPool']}"
call = functions({provider: login["credentials"]["token"]})
call("ThingTypeLambda", action="CREATE", attributes={"id": "lamp", "label": "Lamp", "domain": "root"})
call("ThingLambda", action="CREATE", attributes={"thingName": "lamp-1", "thingType": "lamp", "domain": "root"})
bundle = call("ThingLambda", action="DOWNLOAD_CERTIFICATE", attributes={"thingName": "lamp-1"})
zipfile.ZipFile(io.BytesIO(base64.b64decode(bundle))).extractall(".")`;
    $("paho").textContent = `import json, time
import paho.mqtt.client as mqtt

client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="lamp-1")
client.tls_set("lamp-1/ca.pem", "lamp-1/cert.pem", "lamp-1/privkey.pem")
client.connect("${host || here.hostname}", ${port || 8883})
client.loop_start()
while True:
    report = {"state": {"reported": {"brightness": 42}}}
    client.publish("$aws/things/lamp-1/shadow/update", json.dumps(report), qos=1).wait_for_publish()
    time.sleep(1)`;
  }

  const changes = new Changes({ read: readHistory, draw: drawChanges, complain });
  $("leave").onclick = leave;
  function knock(isAtDoor) {
    $("door").hidden = !isAtDoor; $("back").hidden = !isAtDoor;
    $("room").hidden = isAtDoor; $("enter").hidden = isAtDoor;
    if (isAtDoor) $("sign-in").elements.userName.focus();
  }
  $("enter").onclick = () => knock(true);
  $("add").onclick = () => { $("connect").open = true; $("next").scrollIntoView(); $("connect").querySelector("summary").focus(); };
  $("back").onclick = () => knock(false);
  window.onhashchange = () => { if (line && asked()) choose(asked()); };
  $("seek").oninput = () => listThings().catch(complain);
  $("earlier").onclick = () => changes.readEarlier().catch(complain);
  $("sign-in").onsubmit = async (event) => {
    event.preventDefault();
    const attributes = Object.fromEntries(new FormData(event.target));
    try {
      keep(await invoke("AuthLambda", { action: "LOGIN", attributes }));
      if (isGuest) location.reload(); else enter();
    }
    catch (error) { $("refusal").textContent = error instanceof Refused ? error.message : "The server does not answer."; }
  };
  $("wish").onsubmit = async (event) => {
    event.preventDefault();
    try {
      const desired = JSON.parse(new FormData(event.target).get("desired"));
      const response = await fetch("/things/" + encodeURIComponent(chosen) + "/shadow", {
        method: "POST", headers: { Authorization: "Bearer " + login.token }, body: JSON.stringify({ state: { desired } }) });
      $("answer").textContent = response.ok ? "sent" : (await response.json()).message;
    } catch (error) { $("answer").textContent = error.message; }
  };
  // Without the live line the page asks; with it, it still asks now and then for what has no message (removal, labels).
  let beats = 0;
  setInterval(() => {
    if (!line) return;
    tell(); beats += 1;
    const isLive = line.isUp;
    if (chosen && beats % (isLive ? 30 : 2) === 0) look(chosen, !topic).catch(complain);
    if (beats % (isLive && chosen ? 30 : 5) === 0) listThings().catch(complain);
  }, 1000);
  snippets();
  $("mails").hidden = !here.hasMailbox;
  if (login) enter(); else $("door").hidden = false;
  if (here.opening && !login) {
    $("sign-in").hidden = true; $("unopened").hidden = false;
    $("opening").textContent = here.opening;
  }
})();
