package io.millrace.gpu.api;

/**
 * One turn of a conversation.
 *
 * @param role system, user, assistant or tool
 * @param content the text
 */
public record ChatTurn(String role, String content) {}
