"""Checks what can be checked of the Bicep files without the compiler, which comes from no package registry.

They parse; what a module is given and asked for is what it declares; parameter files set what main.bicep wants, and nothing
else; nothing is declared in vain. Types are the compiler's to check: check.sh.

    pip install tree-sitter==0.26.1 tree-sitter-bicep==1.1.0
    python3 check.py FOLDER
"""

import dataclasses
import pathlib
import re
import sys

import tree_sitter
import tree_sitter_bicep

PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bicep.language()))


def walk(node):
    """Yields a node and all below it."""
    yield node
    for child in node.children:
        yield from walk(child)


def text(node):
    return node.text.decode().strip("'")


def child(node, kind):
    return next((c for c in node.children if c.type == kind), None)


@dataclasses.dataclass
class File:
    """What a file declares, by name; whether a parameter has a default; the modules that it uses."""

    root: object
    parameters: dict
    outputs: dict
    modules: dict


def parse(path, source, problems):
    """Reads a file. A .bicepparam is read as Bicep whose parameters are variables, since the grammar has only that."""
    root = PARSER.parse(source).root_node
    for node in walk(root):
        if node.type == "ERROR" or node.is_missing:
            problems.append(f"{path}:{node.start_point.row + 1}: syntax error")
            break
    file = File(root, {}, {}, {})
    for node in root.children:
        if node.type == "parameter_declaration":
            file.parameters[text(child(node, "identifier"))] = any(c.type == "=" for c in node.children)
        elif node.type == "output_declaration":
            file.outputs[text(child(node, "identifier"))] = node
        elif node.type == "module_declaration":
            file.modules[text(child(node, "identifier"))] = node
    return file


def properties(node):
    """Returns the properties of an object by name."""
    return {text(p.children[0]): p.children[-1] for p in node.children if p.type == "object_property"}


def compare(where, what, given, wanted, problems):
    for name in sorted(given - wanted.keys()):
        problems.append(f"{where}: {what} has no parameter {name}")
    for name in sorted(n for n, optional in wanted.items() if not optional and n not in given):
        problems.append(f"{where}: {what} wants the parameter {name}")


def check_modules(path, files, problems):
    file = files[path]
    for name, node in file.modules.items():
        where = f"{path}:{node.start_point.row + 1}"
        target = str((pathlib.PurePosixPath(path).parent / text(child(node, "string"))))
        if target not in files:
            problems.append(f"{where}: there is no {target}")
            continue
        given = properties(properties(child(node, "object"))["params"])
        compare(where, target, given.keys(), files[target].parameters, problems)
        for found in re.finditer(rf"\b{name}\.outputs\.(\w+)", text(file.root)):
            if found[1] not in files[target].outputs:
                problems.append(f"{path}: {target} has no output {found[1]}")


def check_unused(path, file, problems):
    used = [text(n) for n in walk(file.root) if n.type == "identifier"]
    for node in file.root.children:
        if node.type in ("parameter_declaration", "variable_declaration"):
            name = text(child(node, "identifier"))
            if used.count(name) < 2:
                problems.append(f"{path}:{node.start_point.row + 1}: {name} is not used")


def check(folder):
    """Returns what is wrong with the files of a folder."""
    problems, files = [], {}
    for path in sorted(folder.rglob("*.bicep")):
        name = path.relative_to(folder).as_posix()
        files[name] = parse(name, path.read_bytes(), problems)
    for path, file in files.items():
        check_modules(path, files, problems)
        check_unused(path, file, problems)
    for path in sorted(folder.glob("*.bicepparam")):
        source = path.read_text()
        using = re.search(r"^using '(.+)'$", source, re.MULTILINE)
        if not using or using[1] not in files:
            problems.append(f"{path.name}: `using` names no file")
            continue
        assigned = re.findall(r"^param (\w+) =", source, re.MULTILINE)
        parse(path.name, re.sub(r"^param ", "var ", source.replace(using[0], ""), flags=re.MULTILINE).encode(), problems)
        compare(path.name, using[1], set(assigned), files[using[1]].parameters, problems)
    if not files:
        problems.append(f"{folder}: there are no Bicep files")
    return problems


if __name__ == "__main__":
    found = check(pathlib.Path(sys.argv[1]))
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(bool(found))
