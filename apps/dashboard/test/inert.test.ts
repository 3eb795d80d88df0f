import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Stage } from './browser.ts';

const MARKUP =
  '<img src="/nope.png" onerror="globalThis.pwned=1"><script>globalThis.pwned=1</script>' +
  '<a href="javascript:globalThis.pwned=1">link</a> {{7*7}}';

describe.skipIf(!process.env['TEST_CHROMIUM'])('markup in names and messages', { timeout: 120_000 }, () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open();
  }, 120_000);
  afterAll(() => stage?.close());

  test('P-04 is shown as the text it is, and nothing of it runs', async () => {
    const { client } = stage;
    const project = await client.projects.create({ name: MARKUP });
    const agent = await client.agents.create({ project_id: project.id, name: MARKUP, instructions: MARKUP });
    const session = await client.sessions.create({
      project_id: project.id,
      agent_id: agent.id,
      title: MARKUP,
    });
    await client.messages.post(session.id, { content: MARKUP, run: false });
    await client.documents.upload(project.id, { name: 'markup.md', content: `# ${MARKUP}\n\n${MARKUP}\n` });

    const page = await stage.newPage(await stage.newContext());
    await stage.logIn(page);
    for (const path of ['/', `/sessions/${session.id}`, '/documents']) {
      await page.goto(`${stage.server.url}${path}`);
      await page.getByRole('navigation', { name: 'Main' }).waitFor();
      if (path !== '/documents')
        await page.getByText('globalThis.pwned=1').filter({ visible: true }).first().waitFor();
      const found = await page.evaluate(() => ({
        pwned: (globalThis as { pwned?: number }).pwned,
        images: document.querySelectorAll('img[onerror]').length,
        links: document.querySelectorAll('a[href^="javascript:"]').length,
        scripts: [...document.querySelectorAll('script')].filter(({ src }) => src === '').length,
      }));
      expect({ path, ...found }).toEqual({ path, pwned: undefined, images: 0, links: 0, scripts: 0 });
    }
    expect(stage.complaints).toEqual([]);
  });
});
