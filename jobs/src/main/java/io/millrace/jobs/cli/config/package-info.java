/** Options from a configuration file, put beside those of the command line. */
package io.millrace.jobs.cli.config;
