"""Child of the supervisor: runs one piece of Python and answers with one JSON value (see ../README.md).

Loaded before there is a request. Everything after the request has been read is at the mercy of the code.
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
STACK_CHARS_MAX = 16_000
MESSAGE_CHARS_MAX = 4_000


def read_request():
    with open(REQUEST_FD, "rb") as pipe:
        return json.loads(pipe.read())


def remember_source(name, source):
    """Tracebacks then show the code's own lines."""
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)


def main_module():
    """A fresh `__main__` for the code, so that pickling and dataclasses find its names there."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    return module


def run_tool(source, name, args):
    """Code of a tool: defines `run(args)`."""
    module = main_module()
    exec(compile(source, name, "exec"), module.__dict__)
    run = module.__dict__.get("run")
    if not callable(run):
        raise TypeError(f"{name} has to define a function run(args)")
    return run(args)


def run_script(source, name, given):
    """A caller's code: the variable `result` if it is set, else the value of the last expression, else None."""
    tree = ast.parse(source, name)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    names = main_module().__dict__
    names["input"] = given
    value = None
    try:
        exec(compile(tree, name, "exec"), names)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), name, "eval"), names)
    except SystemExit as exit:
        if exit.code not in (None, 0):
            raise
    return names.get("result", value)


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
    try:
        data = text.encode()
    except UnicodeEncodeError:  # half a surrogate pair: only its escape is UTF-8
        data = json.dumps(json.loads(text)).encode()
    with open(RESULT_FD, "wb") as pipe:
        pipe.write(data)


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
        for module in list(sys.modules.values()):
            origin = getattr(module, "__file__", None) or ""
            if module.__name__ == "__main__" or origin.startswith("/work/"):
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
    request = read_request()
    args = request["args"]
    name = request.get("codeName") or "<code>"
    try:
        if "code" in request:
            remember_source(name, request["code"])
            value = run_tool(request["code"], name, args)
        else:
            remember_source(name, args["code"])
            value = run_script(args["code"], name, args.get("input"))
        text = f'{{"ok":true,"value":{encode_value(value)}}}'
    except BaseException as error:
        text = json.dumps({"ok": False, "error": encode_error(error)})
    answer(text)
    value = None
    leave()


main()
