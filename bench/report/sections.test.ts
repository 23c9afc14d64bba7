import { describe, expect, it } from 'vitest';
import { mergeReport, parseReport } from './sections.js';

const OLD = '# Head\n\n## A\n\nold a\n\n### part\n\n## B\n\nold b\n';
const FRESH = '## B\n\nnew b\n\n## C\n\nnew c\n';

describe('report', () => {
  it('is a head and sections by title', () => {
    const { head, sections } = parseReport(OLD);
    expect(head).toBe('# Head');
    expect([...sections]).toEqual([
      ['A', '## A\n\nold a\n\n### part'],
      ['B', '## B\n\nold b'],
    ]);
  });

  it('has no head when it begins with a section', () => {
    expect(parseReport(FRESH).head).toBe('');
    expect([...parseReport(FRESH).sections.keys()]).toEqual(['B', 'C']);
  });

  it('keeps other sections when only some are measured anew', () => {
    const merged = mergeReport(parseReport(OLD), parseReport(FRESH), '# New', false);
    expect(merged).toBe('# New\n\n## A\n\nold a\n\n### part\n\n## B\n\nnew b\n\n## C\n\nnew c\n');
  });

  it('keeps nothing old when it is complete', () => {
    const merged = mergeReport(parseReport(OLD), parseReport(FRESH), '# New', true);
    expect([...parseReport(merged).sections.keys()]).toEqual(['B', 'C']);
    expect(merged).not.toContain('old');
  });

  it('begins from nothing', () => {
    expect(mergeReport(parseReport(''), parseReport(FRESH), '# New', false)).toBe(`# New\n\n${FRESH}`);
  });
});
