import type { Project } from '@holdfast/protocol';
import { dataOf } from './expect.ts';
import { documentSchema } from '@holdfast/protocol';
import { upload } from './api.ts';

const SUBJECTS = [
  'cargo',
  'crew',
  'engine',
  'harbour',
  'hull',
  'journey',
  'lantern',
  'mast',
  'rigging',
  'sails',
];

/** A question whose answer, quoted from the project's documents, takes the offline model seconds to stream. */
export const LONG_QUESTION =
  'What does the sextant say of cargo, crew, engine, harbour, hull, journey and lantern?';

/** Gives the project documents that answer LONG_QUESTION at length. */
export async function uploadLongDocuments(project: Project): Promise<void> {
  const chapters = SUBJECTS.map((subject) => {
    const sentences = ['north', 'south', 'east', 'west', 'centre'].map(
      (place) =>
        `The sextant of the ${place} measures the ${subject} with care, and the ${subject} of the ${place} ` +
        `answers the sextant with a number that the keeper of the ${place} writes into the book of the ${subject}.`,
    );
    return `## The ${subject}\n\n${sentences.join(' ')}\n`;
  });
  for (const [index, chapter] of chapters.entries()) {
    dataOf(await upload(project, `ship/${SUBJECTS[index]}.md`, `# Ship\n\n${chapter}`), documentSchema, 201);
  }
}
