/** Writes a configuration file for records that it has looked at. */
package io.millrace.jobs.init;
