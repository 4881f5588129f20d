package io.millrace.operators.tool;

import io.millrace.gpu.api.EngineOptions.ToolFormat;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.RequestRejectedException.Reason;
import io.millrace.schemas.InferenceRequest;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Finds the tools of requests: their own, or else the job's. Keeps those used last, whose schemas
 * take a millisecond to compile. Safe for any thread.
 */
public final class RequestTools {
    private static final int KEPT = 16;

    /** Characters of JSON; longer ones are read for each request. */
    private static final int KEPT_LENGTH = 65_536;

    private static final String AUTO = "auto";
    private static final String NONE = "none";
    private static final String REQUIRED = "required";

    private final CallFormat format;

    /** The job's, as a request has them; null for none. */
    private final String jobTools;

    private final Map<String, Toolbox> kept =
            new LinkedHashMap<>(16, 0.75f, true) {
                private static final long serialVersionUID = 1L;

                @Override
                protected boolean removeEldestEntry(Map.Entry<String, Toolbox> eldest) {
                    return size() > KEPT;
                }
            };

    /**
     * @param format the model's
     * @param jobTools tools of conversations that have none, JSON; null for none
     */
    public RequestTools(ToolFormat format, String jobTools) {
        this.format = CallFormat.of(format);
        this.jobTools = jobTools;
    }

    /** Whether a request says that its answer is a call, which is a constraint. */
    public static boolean isForced(InferenceRequest request) {
        String choice = request.getToolChoice();
        return choice != null && !choice.equals(AUTO) && !choice.equals(NONE);
    }

    /**
     * The tools of a request; null where it has none, or its choice is none.
     *
     * @throws RequestRejectedException they cannot be used
     */
    public ToolUse of(InferenceRequest request) throws RequestRejectedException {
        String choice = request.getToolChoice() == null ? AUTO : request.getToolChoice();
        String json = request.getTools();
        if (json == null && request.getMessages() != null) {
            json = jobTools;
        }
        if (json == null) {
            if (isForced(request)) {
                throw invalid(
                        "tool_choice is %s, but there are no tools: give tools, or leave it out."
                                .formatted(choice));
            }
            return null;
        }
        Toolbox tools = toolbox(json);
        if (choice.equals(NONE)) {
            return null;
        }
        if (format == null) {
            throw new RequestRejectedException(
                    Reason.UNSUPPORTED,
                    "There are tools, but how this model calls them is not known by its chat"
                            + " template: leave tools out, or give the job --tool-format.");
        }
        boolean parallel = !Boolean.FALSE.equals(request.getParallelToolCalls());
        return new ToolUse(tools, format, parallel, forced(request, choice, tools));
    }

    private static Collection<Tool> forced(InferenceRequest request, String choice, Toolbox tools)
            throws RequestRejectedException {
        Collection<Tool> forced = List.of();
        if (choice.equals(REQUIRED)) {
            forced = tools.all();
        } else if (!choice.equals(AUTO)) {
            if (tools.get(choice) == null) {
                throw invalid(
                        "tool_choice is %s, but the tools are %s: name one of them, or write auto, none or required."
                                .formatted(choice, tools.names()));
            }
            forced = List.of(tools.get(choice));
        }
        if (request.getConstraint() != null) {
            throw invalid(
                    "constraint is set beside tools: an answer is one or the other; leave one out,"
                            + " or set tool_choice to none.");
        }
        if (!forced.isEmpty() && (request.getStop() != null || request.getStopTokenIds() != null)) {
            throw invalid(
                    "tool_choice is %s beside stop or stop_token_ids, which could cut the call: leave them out."
                            .formatted(choice));
        }
        return forced;
    }

    private Toolbox toolbox(String json) throws RequestRejectedException {
        synchronized (kept) {
            Toolbox known = kept.get(json);
            if (known != null) {
                return known;
            }
        }
        Toolbox tools;
        try {
            tools = Toolbox.parse(json);
        } catch (IllegalArgumentException e) {
            throw new RequestRejectedException(Reason.INVALID_PARAMETER, e.getMessage());
        }
        if (json.length() <= KEPT_LENGTH) {
            synchronized (kept) {
                kept.put(json, tools);
            }
        }
        return tools;
    }

    private static RequestRejectedException invalid(String message) {
        return new RequestRejectedException(Reason.INVALID_PARAMETER, message);
    }
}
