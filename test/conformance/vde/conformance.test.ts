import { conformance } from '../conformance.js';

conformance('vde');
