package io.millrace.gpu.sampling.grammar.mask;

import io.millrace.gpu.sampling.grammar.position.Positions;
import io.millrace.gpu.sampling.grammar.token.Spelling;
import io.millrace.gpu.sampling.grammar.token.TokenTrie;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The tokens of a tokenizer by their bytes. Safe for any thread. */
public final class Vocabulary {
    private static final long TABLE_BYTES = 64 << 20;

    private final TokenTrie trie;
    private final Spelling spelling;
    private final byte[][] tokens;
    private final int words;
    private final StateTable table = new StateTable(TABLE_BYTES);
    private final State free;
    private final Map<Integer, FreeTokens> freeTokens = new HashMap<>();

    /**
     * @param tokens the bytes that each token stands for; null for one that is no text
     */
    public Vocabulary(byte[][] tokens) {
        this.tokens = tokens.clone();
        List<TokenTrie.Entry> entries = new ArrayList<>();
        for (int id = 0; id < tokens.length; id++) {
            if (tokens[id] != null && tokens[id].length > 0) {
                entries.add(new TokenTrie.Entry(tokens[id], id));
            }
        }
        trie = new TokenTrie(entries);
        spelling = new Spelling(trie);
        words = (tokens.length + 63) / 64;
        State start = table.start(Positions.ofStrings(spelling));
        free = table.next(start, '"');
        freeTokens(0);
    }

    /** Number of tokens. */
    public int size() {
        return tokens.length;
    }

    /** Words of 64 bits that a mask of all tokens has. */
    public int words() {
        return words;
    }

    /** The bytes of a token; null for one that is no text. */
    public byte[] bytes(int token) {
        return token < 0 || token >= tokens.length ? null : tokens[token];
    }

    /** How few tokens write a text. */
    public Spelling spelling() {
        return spelling;
    }

    TokenTrie trie() {
        return trie;
    }

    synchronized FreeTokens freeTokens(int node) {
        return freeTokens.computeIfAbsent(node, n -> new FreeTokens(trie, n, table, free, words));
    }

    /** Most characters that a token begins within a string. */
    int longest() {
        return freeTokens(0).most;
    }
}
