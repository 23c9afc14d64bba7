import { conformance } from '../conformance.js';

// Taking part in the LAN itself needs root; everything else is proven as an ordinary user.
conformance('user', true);
