package io.millrace.gpu.api;

/**
 * One turn of a conversation.
 *
 * @param role who speaks: system, user, assistant or tool
 * @param content what is said
 */
public record ChatTurn(String role, String content) {}
