// MQTT 3.1.1 over a WebSocket, as much of it as a page needs: QoS 0 in, subscribe and unsubscribe out.
"use strict";
class MqttLine {
  constructor(url, { userName, password, onMessage, onState }) {
    Object.assign(this, { url, userName, password, onMessage, onState });
    this.wishes = new Set(); this.buffer = new Uint8Array(0); this.packetId = 0; this.wait = 1000; this.open();
  }
  open() {
    this.isUp = false; this.socket = new WebSocket(this.url, "mqtt");
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => this.connect();
    this.socket.onmessage = (event) => this.receive(new Uint8Array(event.data));
    this.socket.onclose = () => this.lost();
  }
  close() { this.isOver = true; this.socket.close(); }
  lost() {
    clearInterval(this.beat); this.isUp = false; this.buffer = new Uint8Array(0);
    if (this.isOver) return;
    this.onState(false);
    // Half of the wait is drawn, so that the pages of a whole office do not come back in the same second.
    setTimeout(() => this.isOver || this.open(), this.wait * (0.5 + Math.random() / 2));
    this.wait = Math.min(this.wait * 2, 30000);
  }
  send(first, ...parts) {
    const body = parts.flatMap((part) => typeof part === "string" ? MqttLine.text(part) : part);
    const head = [first];
    let left = body.length;  // MQTT 3.1.1, section 2.2.3: seven bits a byte, the lowest first
    do { head.push((left % 128) | (left > 127 ? 128 : 0)); left = Math.floor(left / 128); } while (left);
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(new Uint8Array([...head, ...body]));
  }
  static text(value) {
    const bytes = [...new TextEncoder().encode(value)];
    return [bytes.length >> 8, bytes.length & 255, ...bytes];
  }
  nextId() { this.packetId = this.packetId % 65535 + 1; return [this.packetId >> 8, this.packetId & 255]; }
  connect() {
    const id = "page-" + [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    // Flags: user name, password, clean session (section 3.1.2.3); keep alive 60 s.
    this.send(0x10, "MQTT", [4, 0xc2, 0, 60], id, this.userName, this.password);
  }
  subscribe(filter) { this.wishes.add(filter); if (this.isUp) this.send(0x82, this.nextId(), filter, [0]); }
  unsubscribe(filter) { this.wishes.delete(filter); if (this.isUp) this.send(0xa2, this.nextId(), filter); }
  receive(bytes) {
    this.heard = Date.now();
    const joined = new Uint8Array(this.buffer.length + bytes.length);
    joined.set(this.buffer); joined.set(bytes, this.buffer.length); this.buffer = joined;
    for (;;) {
      let length = 0, at = 1, factor = 1;
      do {
        if (at >= this.buffer.length) return;
        length += (this.buffer[at] & 127) * factor; factor *= 128;
      } while (this.buffer[at++] & 128);
      if (this.buffer.length < at + length) return;
      const packet = this.buffer.subarray(at, at + length), first = this.buffer[0];
      this.buffer = this.buffer.slice(at + length);
      this.take(first, packet);
    }
  }
  take(first, packet) {
    if (first >> 4 === 2) {  // CONNACK
      if (packet[1] !== 0) { this.socket.close(); return; }
      this.isUp = true; this.wait = 1000; this.onState(true);
      this.beat = setInterval(() => Date.now() - this.heard > 50000 ? this.socket.close() : this.send(0xc0), 20000);
      for (const filter of this.wishes) this.send(0x82, this.nextId(), filter, [0]);
    } else if (first >> 4 === 3) {  // PUBLISH; granted QoS is 0, so no packet id stands before the payload
      const end = 2 + (packet[0] << 8 | packet[1]), decoder = new TextDecoder();
      this.onMessage(decoder.decode(packet.subarray(2, end)), decoder.decode(packet.subarray(end)));
    }
  }
}
