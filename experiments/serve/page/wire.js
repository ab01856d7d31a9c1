// To the server and back: calls and events, with the key where it asks for one.
const KEY = "tetriplan-key";
const headers = () => (sessionStorage.getItem(KEY) ? { Authorization: `Bearer ${sessionStorage.getItem(KEY)}` } : {});

export async function call(path, body) {
  const how = body === undefined ? { headers: headers() } : { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json", ...headers() } };
  return fetch(path, how);
}

// Yields [name, data] of every server-sent event; EventSource cannot send a key, so that the stream is read here.
export async function* events(path) {
  const answer = await fetch(path, { headers: headers() });
  if (answer.status === 401) throw new Error("key");
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ""; ; ) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
      const fields = Object.fromEntries(text.slice(0, end).split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
      yield [fields.event, JSON.parse(fields.data)];
    }
  }
}

export function key(dialog) {
  return new Promise((done) => {
    dialog.addEventListener("close", () => { sessionStorage.setItem(KEY, new FormData(dialog.querySelector("form")).get("key")); done(); }, { once: true });
    dialog.showModal();
  });
}
