/** From the text of a template to statements and expressions. */
package io.millrace.gpu.text.jinja.syntax;
