/** The streaming job: started, resumed, fed and followed. */
package io.millrace.jobs.stream;
