import { describe, expect, it } from 'vitest';
import { renderTemplate, TEMPLATES, type TemplateName } from './template.ts';

const URL = 'https://holdfast.test/page#token=a&b=c';
const VARIABLES: Record<TemplateName, Record<string, string>> = {
  verify_email: { name: 'Ann', url: URL, token: 't' },
  address_taken: { name: 'Ann', url: URL },
  password_reset: { name: 'Ann', url: URL, token: 't' },
  password_changed: { name: 'Ann' },
  invitation: { team: 'Ships', inviter: 'Bob', url: URL, token: 't' },
  secret_expiring: { secret: 'OPENAI', expires_at: '2030-01-01T00:00:00.000Z' },
};
const NAMES = Object.keys(TEMPLATES) as TemplateName[];

describe.each(NAMES)('BF-3.3.b the mail %s', (template) => {
  const variables = VARIABLES[template];

  it('says what it is given, in text and HTML, and leaves nothing unfilled', () => {
    const { subject, text, html } = renderTemplate(template, variables);
    for (const [name, value] of Object.entries(variables)) {
      if (name === 'token') continue;
      expect(text).toContain(value);
      expect(html).toContain(value.replaceAll('&', '&amp;'));
    }
    expect(subject).toMatch(/^[A-Z].{10,}$/);
    expect(`${subject}${text}${html}`).not.toMatch(/undefined|\$\{|\{\{|\[object/);
    // Nothing to load: no picture that tells when a mail was read.
    expect(html).not.toMatch(/<(img|script|link|iframe)|src=|@import/i);
  });

  it.each(Object.keys(variables))('cannot be written without %s', (name) => {
    const { [name]: _, ...rest } = variables;
    expect(() => renderTemplate(template, rest)).toThrow(`The mail ${template} cannot be written (${name}:`);
  });

  it('takes no variable it does not know', () => {
    expect(() => renderTemplate(template, { ...variables, colour: 'red' })).toThrow(template);
  });

  it('P-04 keeps markup and line breaks in a name inert', () => {
    const nasty = `<img src=x onerror="alert('1')">&\r\nBcc: eve@example.com`;
    const given = Object.entries(variables).map(([name, value]) => [name, value === URL ? URL : nasty]);
    const { subject, html } = renderTemplate(template, Object.fromEntries(given));
    expect(html).not.toMatch(/<img|onerror="/);
    expect(html).toContain('&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;');
    expect(subject).not.toMatch(/[\r\n]/);
  });
});

describe.each(NAMES.filter((name) => 'url' in VARIABLES[name]))('the link in %s', (template) => {
  it.each(['javascript:alert(1)', 'data:text/html,x', 'nonsense', '//x.test'])('is not %s', (url) => {
    expect(() => renderTemplate(template, { ...VARIABLES[template], url })).toThrow('(url:');
  });
});

describe('the mails', () => {
  it('make no name longer than a hundred characters', () => {
    const { text } = renderTemplate('password_changed', { name: 'x'.repeat(5000) });
    expect(text.match(/x+/)![0]).toHaveLength(100);
  });

  it.each(['nothing', 'constructor', '__proto__'])('do not include %s', (name) => {
    expect(() => renderTemplate(name, {})).toThrow('There is no mail');
  });
});
