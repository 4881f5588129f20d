/**
 * Requests, sampling parameters, results and options: what users of the engine see and all rooms
 * share. Knows nothing but the JDK.
 */
package io.millrace.gpu.api;
