"""Child of the supervisor: runs pieces of Python and answers each with one line of JSON (see ../README.md).

Loaded before there is a request. Everything after the first one has been read is at the mercy of the code. In a session
one request follows the other, and what the code leaves in `__main__` is there for the next; else there is one.
"""

import ast
import atexit
import gc
import json
import linecache
import os
import runpy
import sys
import threading
import traceback
import types

# Loaded ahead of the request, as most code asks for them.
import base64, collections, csv, datetime, decimal, functools, hashlib, io, itertools, math, random, re, statistics, string, time  # noqa: E401, F401

REQUEST_FD = 3
RESULT_FD = 4
OVER = b"\x04"
STACK_CHARS_MAX = 16_000
MESSAGE_CHARS_MAX = 4_000


MISSING = object()


def read_requests():
    """Each is a line; of the only one the end is the end of the pipe."""
    with open(REQUEST_FD, "rb", closefd=False) as pipe:
        for line in pipe:
            yield json.loads(line)


def remember_source(name, source):
    """Tracebacks then show the code's own lines."""
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)


def run_tool(source, name, args):
    """Code of a tool: defines `run(args)`. It gets a `__main__` of its own, also in a session."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    exec(compile(source, name, "exec"), module.__dict__)
    run = module.__dict__.get("run")
    if not callable(run):
        raise TypeError(f"{name} has to define a function run(args)")
    return run(args)


def sets_result(tree):
    return any(
        isinstance(node, ast.Name) and node.id == "result" and isinstance(node.ctx, ast.Store)
        for node in ast.walk(tree)
    )


def run_script(module, source, name, given):
    """A caller's code: the variable `result` if it is set, else the value of the last expression, else None.

    It runs in a `__main__`, so that pickling and dataclasses find its names there. A `result` that an earlier call left
    there counts when this one sets it again.
    """
    sys.modules["__main__"] = module
    tree = ast.parse(source, name)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    names = module.__dict__
    names["input"] = given
    earlier = names.get("result", MISSING)
    is_set = earlier is MISSING or sets_result(tree)
    value = None
    try:
        exec(compile(tree, name, "exec"), names)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), name, "eval"), names)
    except SystemExit as exit:
        if exit.code not in (None, 0):
            raise
    result = names.get("result", MISSING)
    return value if result is MISSING or (result is earlier and not is_set) else result


def encode_value(value):
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"the result cannot be expressed in JSON: {error}") from None


def encode_error(error):
    """Name, message and traceback, without the harness's own frames."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    if frames is None or isinstance(error, SyntaxError):
        stack = traceback.format_exception_only(type(error), error)
    else:
        stack = traceback.format_exception(type(error), error, frames)
    message = f"exit status {error.code}" if isinstance(error, SystemExit) else str(error)
    return {
        "name": type(error).__name__,
        "message": message[:MESSAGE_CHARS_MAX],
        "stack": "".join(stack)[-STACK_CHARS_MAX:],
    }


def answer(text):
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        try:
            stream.flush()
        except Exception:  # the code may have put anything in their place
            pass
    try:
        data = text.encode()
    except UnicodeEncodeError:  # half a surrogate pair: only its escape is UTF-8
        data = json.dumps(json.loads(text)).encode()
    with open(RESULT_FD, "wb", closefd=False) as pipe:
        pipe.write(data + b"\n")


def serve(module, request):
    args = request["args"]
    name = request.get("codeName") or "<code>"
    try:
        if "code" in request:
            remember_source(name, request["code"])
            value = run_tool(request["code"], name, args)
        else:
            remember_source(name, args["code"])
            value = run_script(module, args["code"], name, args.get("input"))
        return f'{{"ok":true,"value":{encode_value(value)}}}'
    except BaseException as error:
        return json.dumps({"ok": False, "error": encode_error(error)})


def leave():
    """
    Ends as the interpreter does: threads are waited for, exit functions run, files that the code left open are flushed.
    Only taking the interpreter apart is left out, which takes longer than most calls.
    """
    try:
        threading._shutdown()
        atexit._run_exitfuncs()
        for kind in (io.TextIOWrapper, io.BufferedIOBase):  # text first: it is kept above the bytes
            for file in [found for found in gc.get_objects() if isinstance(found, kind)]:
                if not file.closed and file.writable():
                    file.flush()
        # Code puts there what it likes, and multiprocessing the same `__main__` under a second name.
        for name, module in list(sys.modules.items()):
            if not isinstance(module, types.ModuleType):
                continue
            origin = module.__dict__.get("__file__")
            if name == "__main__" or (isinstance(origin, str) and origin.startswith("/work/")):
                module.__dict__.clear()
        gc.collect()
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
            try:
                stream.flush()
            except BaseException:
                pass
        try:
            os.write(RESULT_FD, OVER)
        finally:
            os._exit(0)


def main():
    if len(sys.argv) > 1:
        runpy.run_path(sys.argv[1])  # of an image with more to load
    sys.stdin = open(os.devnull)
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    sys.stderr.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    sys.argv = [""]
    sys.path[0:0] = [os.getcwd()]
    os.set_inheritable(REQUEST_FD, False)
    os.set_inheritable(RESULT_FD, False)
    gc.collect()
    gc.freeze()  # what is loaded by now is not looked at again
    os.write(RESULT_FD, b"\n")
    module = types.ModuleType("__main__")
    own = os.getpid()
    for request in read_requests():
        text = serve(module, request)
        if os.getpid() != own:  # the code forked, and this is its child
            os._exit(0)
        answer(text)
    module = None
    leave()


main()
