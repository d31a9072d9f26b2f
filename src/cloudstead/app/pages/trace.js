// One message of a thing, from its receipt to what it caused.
"use strict";
(() => {
  const here = window.CLOUDSTEAD, $ = (id) => document.getElementById(id);
  const kept = JSON.parse(sessionStorage.getItem("login") || "null");  // of the first page, while this window lives
  const token = kept ? kept.token : here.token;
  const TITLES = {
    received: "Received", logged: "Logged", applied: "Shadow", indexed: "Observation", archived: "Archive",
    rules: "Rules", delivered: "Deliveries",
  };
  let shown = null;

  async function ask(attributes) {
    const response = await fetch("/functions/ThingLambda", {
      method: "POST", headers: { "Content-Type": "application/json", Authorization: "Bearer " + token },
      body: JSON.stringify({ action: "TRACE", attributes }),
    });
    if (response.status === 401) throw new Error("You are not signed in (any more): sign in on the first page.");
    const answer = await response.json();
    if (answer.errorMessage) throw new Error(JSON.parse(answer.errorMessage).message);
    if (!response.ok) throw new Error(answer.message || response.statusText);
    return answer;
  }
  function make(tag, words, className) {
    const node = document.createElement(tag);
    if (words !== undefined) node.textContent = words;
    if (className) node.className = className;
    return node;
  }
  function table(rows) {
    const body = make("tbody"), names = [...new Set(rows.flatMap((row) => Object.keys(row)))], head = make("tr");
    head.append(...names.map((name) => make("th", name)));
    body.append(head, ...rows.map((row) => {
      const line = make("tr");
      line.append(...names.map((name) => make("td", said(row[name]))));
      return line;
    }));
    const whole = make("table"), scroll = make("div", undefined, "scroll");
    whole.append(body); scroll.append(whole);
    return scroll;
  }
  function said(value) {
    if (value === null || value === undefined) return "";
    return typeof value === "object" ? JSON.stringify(value) : String(value);
  }
  function item(step) {
    const node = make("li", undefined, step.state);
    node.append(make("b", TITLES[step.step] || step.step), make("span", step.state, "pill"), make("p", step.says));
    const details = step.details || {};
    if (details.payload) node.append(make("pre", details.payload));
    for (const name of ["rules", "deliveries"]) {
      const parts = details[name] || [];
      for (const each of parts) {  // of one alone, the sentence above has said it
        const rows = each.compared || each.attempts || [], part = make("details");
        part.append(make("summary", parts.length > 1 ? each.says : name === "rules" ? "Values compared" : "Attempts"), rows.length ? table(rows) : make("p", "nothing more to show", "quiet"));
        node.append(part);
      }
    }
    return node;
  }
  async function follow(attributes) {
    try {
      shown = await ask(attributes);
      $("refusal").textContent = "";
      $("title").textContent = `${shown.thingName}, offset ${shown.offset}`;
      $("steps").replaceChildren(...shown.steps.map(item));
      $("found").hidden = false;
      const query = new URLSearchParams({ thing: shown.thingName, offset: shown.offset });
      history.replaceState(null, "", "?" + query);
    } catch (error) {
      $("refusal").textContent = error instanceof TypeError ? "The server does not answer." : error.message;
      $("found").hidden = true;
    }
  }
  $("ask").onsubmit = (event) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.target)), attributes = { thingName: given.thingName };
    if (given.offset) attributes.offset = given.offset;
    else if (given.at) attributes.at = new Date(given.at).getTime();
    follow(attributes);
  };
  $("before").onclick = () => {
    const at = shown.steps[0].details.at - 1;  // of several in one millisecond, the history of the shadow tells
    follow({ thingName: shown.thingName, at });
  };
  const query = new URLSearchParams(location.search), form = $("ask").elements;
  form.thingName.value = query.get("thing") || here.thingName || "";
  form.offset.value = query.get("offset") || "";
  $("who").textContent = kept ? kept.user.userName : token ? "reading only, from this machine" : "";
  if (!token) $("refusal").textContent = "Sign in on the first page, then come back in the same window.";
  else if (query.get("thing")) {
    const attributes = { thingName: query.get("thing") };
    for (const name of ["offset", "at"]) if (query.get(name)) attributes[name] = query.get(name);
    follow(attributes);
  }
})();
