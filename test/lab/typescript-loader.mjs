// Lets node run TypeScript from the sources, for the lab's commands: node --import …/typescript-loader.mjs FILE.ts
// (Node 20 cannot strip types by itself.)
import { register } from 'node:module';

// oxlint-disable-next-line typescript/no-unsafe-call -- plain JavaScript is outside the type-checked program
register('./typescript-hooks.mjs', import.meta.url);
