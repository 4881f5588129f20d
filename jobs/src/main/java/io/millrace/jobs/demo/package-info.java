/** The demo: real e-mails, sorted by a real model. */
package io.millrace.jobs.demo;
