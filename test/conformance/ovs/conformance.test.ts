import { conformance } from '../conformance.js';

conformance('ovs');
