/** The contract of the topics: requests, results, failures and their codes. */
package io.millrace.schemas;
