import { conformance } from '../conformance.js';

conformance('ovn');
