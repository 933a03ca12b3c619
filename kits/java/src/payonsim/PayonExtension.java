package payonsim;

import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.jupiter.api.extension.TestExecutionExceptionHandler;

/** Gives each test a {@link PayonSpace} of its own as a parameter, on one simulator for all: {@code @ExtendWith} it. */
public final class PayonExtension implements ParameterResolver, AfterEachCallback, TestExecutionExceptionHandler {
    private static final Namespace OURS = Namespace.create(PayonExtension.class);

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        return parameter.getParameter().getType() == PayonSpace.class;
    }

    @Override
    public PayonSpace resolveParameter(ParameterContext parameter, ExtensionContext context) {
        var all = context.getRoot().getStore(OURS);
        var server = all.getOrComputeIfAbsent("server", key -> new PayonServer(), PayonServer.class);
        return context.getStore(OURS).getOrComputeIfAbsent("space", key -> server.space(), PayonSpace.class);
    }

    /** Adds what the simulator knows to a failed test: the report of its space comes with the stack trace. */
    @Override
    public void handleTestExecutionException(ExtensionContext context, Throwable failure) throws Throwable {
        var space = context.getStore(OURS).get("space", PayonSpace.class);
        if (space == null) {
            throw failure;
        }
        throw new AssertionError(failure.getMessage() + "\n\n" + space.report(), failure);
    }

    @Override
    public void afterEach(ExtensionContext context) {
        var space = context.getStore(OURS).remove("space", PayonSpace.class);
        if (space != null) {
            space.close();
        }
    }
}
