import { join } from 'node:path';
import { createApp, type App } from './app.ts';
import { ConfigError, loadConfig } from './config.ts';
import { firstStartLines, keepLocalCredentials } from './first-start.ts';
import { DashboardBuild } from './surfaces/dashboard/index.ts';

const REPOSITORY = join(import.meta.dirname, '../../..');

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function greet(app: App, url: string): void {
  say(`Holdfast is ready at ${url} (API explorer: ${url}/api/docs)`);
  if (app.firstCredentials !== null) firstStartLines(app.firstCredentials).forEach(say);
}

/** A second signal, or a drain that hangs, ends the process at once: recovery mends the rest. */
function closeOnSignal(app: App, dashboard: DashboardBuild | null, timeoutMs: number): void {
  let closing = false;
  const close = (signal: NodeJS.Signals): void => {
    if (closing) process.exit(1);
    closing = true;
    say(`${signal}: finishing what is under way …`);
    dashboard?.stop();
    setTimeout(() => process.exit(1), timeoutMs).unref();
    app.close().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${String(error)}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', close);
  process.on('SIGTERM', close);
}

try {
  const config = loadConfig();
  const dashboard = config.http.dashboard ? new DashboardBuild({ repository: REPOSITORY, say }) : null;
  const app = await createApp(config, { dashboard, say });
  closeOnSignal(app, dashboard, config.http.shutdownTimeoutMs);
  const url = await app.listen();
  greet(app, url);
  dashboard?.start();
  if (config.mode === 'development') keepLocalCredentials(config.dataDir, url, app.firstCredentials);
} catch (error) {
  const known =
    error instanceof ConfigError || (error instanceof Error && error.message.includes('Holdfast'));
  process.stderr.write(`${known ? (error as Error).message : describe(error)}\n`);
  process.exit(1);
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
