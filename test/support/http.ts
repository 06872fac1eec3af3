import { request, type IncomingHttpHeaders } from "node:http";
import { connect } from "node:net";

export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface HttpQuestion {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Asks a server on loopback; fetch() would not let a test set Host. */
export function ask(port: number, question: HttpQuestion = {}): Promise<HttpReply> {
  const { path = "/", method = "GET", headers = {}, body } = question;
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, path, method, headers, agent: false, timeout: 30_000 };
    const asked = request(options, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
      response.on("error", reject);
    });
    asked.on("timeout", () => asked.destroy(new Error(`Expected an answer to ${path} within 30 s`)));
    asked.on("error", reject);
    asked.end(body);
  });
}

/** Sends bytes as they are. @returns what comes back until the server closes the connection */
export function askRaw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => (text += chunk));
    socket.on("close", () => resolve(text));
    socket.on("error", reject);
    socket.setTimeout(60_000, () => socket.destroy(new Error("Expected the server to close the connection")));
  });
}
