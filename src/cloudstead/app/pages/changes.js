// Who changed what of one thing, and when: read from the history of its shadow, kept up with what is heard meanwhile.
"use strict";
class Changes {
  static MEANINGS = {
    400: "malformed request", 401: "not signed in", 403: "not permitted", 404: "no such shadow", 409: "version conflict",
    413: "too large", 415: "not UTF-8", 429: "too many requests", 500: "could not be applied",
  };
  // `read` fetches a page of a thing's history; `draw` is called whenever there is something else to show.
  constructor({ read, draw, complain }) {
    Object.assign(this, { read, draw, complain, lastRead: 0 });
    this.follow(null);
  }
  follow(thing) {
    clearTimeout(this.timer);
    [this.timer, this.thing, this.list, this.before, this.isKnown] = [null, thing, [], null, false];
    if (thing) this.refresh();
  }
  refresh() {  // never more than one request in two seconds, however much is heard
    if (this.timer || !this.thing) return;
    this.timer = setTimeout(() => this.readNewest().catch(this.complain), Math.max(50, this.lastRead + 2000 - Date.now()));
  }
  async readNewest() {
    const thing = this.thing, begun = Date.now();
    this.timer = null; this.lastRead = begun;
    const { changes, nextBefore } = await this.read(thing, "limit=20");
    if (thing !== this.thing) return;
    const newest = changes[0], oldest = changes[changes.length - 1];
    const later = this.list.filter((each) => each.heardAt > begun && (!newest || each.version > newest.version));
    let earlier = nextBefore === null ? [] : this.list.filter((each) =>
      each.offset ? each.offset < oldest.offset : each.version < oldest.version);
    // Every accepted change counts the version up by one: where a number is missing, more happened than was heard.
    if (earlier.length && earlier[0].version < oldest.version - 1) earlier = [];
    if (!earlier.length) this.before = nextBefore;
    this.list = [...later, ...changes, ...earlier].slice(0, 1000);
    this.isKnown = true;
    this.draw();
  }
  async readEarlier() {
    const thing = this.thing, { changes, nextBefore } = await this.read(thing, "limit=200&before=" + this.before);
    if (thing !== this.thing) return;
    this.list.push(...changes);
    this.before = nextBefore;
    this.draw();
  }
  hear(version, state) {  // a report of the thing itself: no reason to ask
    const now = Date.now(), newest = this.list[0];
    if (newest && newest.version === version) return;
    if (!this.isKnown || (newest && newest.version > version)) { this.refresh(); return; }
    this.list.unshift({ heardAt: now, timestamp: now, authorName: this.thing, author: "thing:" + this.thing, verb: "update", version, code: 200, request: { state } });
    this.list.length = Math.min(this.list.length, 1000);
    this.draw();
  }
  // Reports of the thing that follow one another are one row: nobody looks for a wish among a thousand of them.
  rows() {
    const rows = [];
    for (const change of this.list) {
      const isReport = change.code === 200 && change.verb === "update" && change.author === "thing:" + this.thing
        && !(change.request && change.request.state && "desired" in change.request.state);
      const last = rows[rows.length - 1];
      if (isReport && last && last.isReport) { last.count += 1; last.from = change.version; }
      else rows.push({ change, isReport, count: 1, from: change.version });
    }
    return rows.map(({ change, isReport, count, from }) => ({
      isReport, isRejected: change.code !== 200,
      trace: "/trace?" + new URLSearchParams({ thing: this.thing, ...(change.offset ? { offset: change.offset } : { at: change.timestamp }) }),
      when: Changes.time(change.timestamp), who: change.authorName,
      what: change.code === 200 ? change.verb + (count > 1 ? ` × ${count}` : "")
        : `${change.verb} rejected: ${change.code} ${Changes.MEANINGS[change.code] || ""}`,
      version: count > 1 ? `${from}–${change.version}` : String(change.version),
      request: change.request === null ? "" : typeof change.request === "string" ? change.request : JSON.stringify(change.request),
    }));
  }
  static time(at) {
    const date = new Date(at), isToday = date.toDateString() === new Date().toDateString();
    return isToday ? date.toLocaleTimeString() : date.toLocaleString();
  }
}
