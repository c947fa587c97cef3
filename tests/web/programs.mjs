// Starts what stands behind a page, and a browser in front of it.
import { spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("../..", import.meta.url));
const build = process.env.PGBALLAST_BUILD || path.join(root, "build");

// A program that ends with us, however we end.
class Program {
  constructor(name, args, environment = {}) {
    this.name = name;
    this.said = [];
    this.process = spawn("setpriv", ["--pdeathsig", "INT", path.join(build, "bin", name), ...args], {
      cwd: root,
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.ended = new Promise((resolve) => this.process.on("exit", resolve));
    this.waiting = [];
    for (const stream of [this.process.stdout, this.process.stderr])
      createInterface(stream).on("line", (line) => this.hear(line));
    this.ended.then(() => this.waiting.forEach(({ reject }) =>
      reject(new Error(`${name} ended:\n${this.said.join("\n")}`))));
  }

  hear(line) {
    this.said.push(line);
    for (const { pattern, resolve } of this.waiting) {
      const found = pattern.exec(line);
      if (found) resolve(found);
    }
  }

  // What `pattern` has found in the first line where it does.
  line(pattern) {
    for (const line of this.said) {
      const found = pattern.exec(line);
      if (found) return Promise.resolve(found);
    }
    return new Promise((resolve, reject) => this.waiting.push({ pattern, resolve, reject }));
  }

  async stop() {
    this.process.kill("SIGTERM");
    await this.ended;
  }
}

// neonsim, pgballast as `./dev up` serves it, and the demo; further demos by `startDemo`.
export class Stage {
  programs = [];

  start(...command) {
    this.programs.push(new Program(...command));
    return this.programs.at(-1);
  }

  async open() {
    this.neon = JSON.parse((await this.start("neonsim", ["--wake", "200"]).line(/^\{.*/))[0]);
    const listen = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    const proxy = this.start("pgballast", ["run", ...listen], {
      NEON_DB_URL: this.neon.dsn,
    });
    const [, clients] = await proxy.line(/info listening address=(\S+)/);
    const [, admin] = await proxy.line(/admin listening address=(\S+)/);
    this.dsn = `postgresql://neondb_owner:npg_demo@${clients}/neondb`;
    this.url = await this.startDemo({
      SIGNUP_DEMO_DIRECT_DSN: this.neon.dsn,
      SIGNUP_DEMO_NEONSIM: this.neon.http,
      SIGNUP_DEMO_PGBALLAST_ADMIN: `http://${admin}`,
    });
  }

  async startDemo(environment = {}) {
    const command = ["--listen", "127.0.0.1:0", "--create-tables"];
    const demo = this.start("signup-demo", command, { SIGNUP_DEMO_DSN: this.dsn, ...environment });
    return JSON.parse((await demo.line(/^\{.*/))[0]).http;
  }

  async close() {
    for (const program of this.programs.reverse()) await program.stop();
  }
}

export function startBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    headless: true,
    args: [
      "--no-sandbox", // the tests may run as root
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
