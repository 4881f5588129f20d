/** The interface between models and the devices that compute them. */
package io.millrace.gpu.device;
