import { expect, it } from 'vitest';
import type { NftTable } from '../../../clients/nft/listing.js';
import { endedNotes } from './ended-notes.js';

const table = (...rules: [comment: string | undefined, packets: number][]): NftTable => ({
  family: 'bridge',
  name: 'passerelle.shop.linux',
  chains: [],
  sets: [],
  limits: [],
  rules: rules.map(([comment, packets], handle) => ({
    chain: 'c',
    handle,
    ...(comment !== undefined && { comment }),
    expressions: [{ match: {} }, { counter: { packets, bytes: 60 * packets } }, { drop: null }],
  })),
});

it('sums what each rule has ended, most frequent first, and leaves out what is expected', () => {
  expect(
    endedNotes([
      table(
        ['own-mac 820a6962', 1],
        ['own-mac 820a6962', 0],
        ['ip4-own-address 31e1ec47', 7],
        ['closed back', 90],
      ),
      table(['own-source 31e1ec47', 0], [undefined, 5], ['by hand', 5]),
    ]),
  ).toEqual([
    "7 packets have ended here: its IPv4 source is not the NIC's own address (ip4-own-address)",
    "1 packet has ended here: it is not from the NIC's own MAC (own-mac)",
  ]);
});

it('says nothing where nothing was ended, whatever stands there', () => {
  expect(endedNotes([])).toEqual([]);
  const odd = {
    ...table(),
    rules: [
      {
        chain: 'c',
        handle: 1,
        comment: 'own-mac 1',
        expressions: [{ counter: null }, { counter: { packets: 'x' } }],
      },
    ],
  };
  expect(endedNotes([odd])).toEqual([]);
});
