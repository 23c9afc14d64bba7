import { conformance } from '../conformance.js';

conformance('user');
