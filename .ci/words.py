#!/usr/bin/env python
"""Say where a word is that the glossary replaced by the field's term: `python .ci/words.py`; `make test` holds it.
Searched: names in code, comments, strings of several words and text cells of the notebooks, the scripts here and README.md;
with --outputs also what the notebooks have printed. Names of 0.1 come from the tables of the page on migrating,
titles and headings of 0.1 from old_titles.txt; a title is refused as a heading or as a whole string."""
import io
import json
import re
import sys
import tokenize
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Files whose subject is the old names: the page on migrating, the table of old names of settings. CHANGELOG.md is not searched.
OLD_NAMES = ('nbs/guides/migrate.ipynb', 'nbs/core/10_old_names.ipynb', 'nbs/core/16_old_results.ipynb')
# word or phrase, as a regular expression -> what to write
PROSE = {
    r'floors?': 'baseline, minimum',
    r'(?<!img photo )pictures?': 'image',   # but as a name that others give a column
    r'pupils?|lessons?|exams?': 'model, example, evaluation of pretraining',
    r'duels?': 'comparison',
    r'worlds?': 'simulation',
    r'sealed?|seals': 'held out, locked; manifest',
    r'straddl\w+': 'cross-split',
    r'likeness': 'near-duplicates',
    r'fours': 'groups of four',
    r'spreads?': 'distribution, standard deviation, range',
    r'honest': 'unbiased, valid',
    r'mend(ed|s|ing)?': 'fix, correct',
    r'foret(ell|ells|old)': 'predict',
    r'by heart': 'overfitting',
    r'aloud': 'with a warning',
    r'tortur\w+': 'stress test',
    r'the lab': 'the package',
    r'heed(ed|s)?': 'check',
    r'vouch(es|ed)?': 'trusted',
    r"of one's own": 'custom',
    r'in a lifetime': 'only once',
    r'After (this page|reading)': 'what the module contains',
    r'beside': 'next to, with, compared with',
    r'(?<!as it )(stands?|stood)(?! for| out| in for|-)': 'is, is stored, is shown',
    r'(?<!there )(?<!There )(is|are|was|were) no(?! (longer|better|worse|more|less|fewer|larger|further|other|need)\b)': 'is not a',
    r'(?<!from )crowds?(?!-kit|_kit|\s(elements|workers)|\s*$|\.csv|_answers)': 'population, annotators',
    r"tastes|a taste|raters?'s? taste": 'preference (shared and private taste stay)',
    r'peers?': 'reference implementation',
    r'bench|rooms': 'shared modules, subpackages',
    r'(told|tells?|telling) apart': 'distinguish',
    r'passed over': 'skip',
    r'(go|goes|going|went) on with': 'continue',
    r'unfold(s|ed|ing)?': 'decompress',
    r'drawn whole': 'resampled as clusters',
    r'holds? the truth': 'cover the true value',
    r'of our making': 'generated, random',
    r'at one half': 'at threshold 0.5',
    r'(?<!Visual )[Gg]enome': 'Visual Genome',
    r'dealt': 'assigned, split',
    r'keeps? (its|their) word': 'is calibrated',
    r'[Ww]hat may be (said|concluded)': 'conclusions',
    r'false alarms?': 'false positives',
    r'look(s|ed)? at(?! +(this|that|the red)\b)': 'check, inspect, read',
    r'pull(s|ed)?(?! requests?\b)': 'shrink towards',
    r'take another': 'choose another, set',
    r'(runs? )?below runs|runs? below': 'in',
    r"raters?'s? words?|words? (of|for) (each|a|the) rater": 'labeler token',
    r'there is no (column|text|image)': 'missing column, empty cell',
    r'(another )?process is at work': 'the folder is locked by a process',
    r'the reports? to reproduce': 'the published results',
    r'(knows?|finds?) by heart|learn(s|t|ed)? by heart': 'overfitting',
}
# segment of a name in code -> what to write; `np.floor` and the like are attributes of libraries
NAMES = {
    r'floors?': 'baseline', r'pictures?': 'image', r'feeds?': 'loader',
    r'worlds?(?!_size)': 'simulator', r'pupils?|lessons?|exams?': 'model, example, evaluation', r'duels?': 'comparison', r'sealed?': 'held_out',
    r'straddling': 'cross_split', r'likeness': 'duplicates', r'fours': 'groups', r'heed': 'check', r'deal': 'assign',
    r'crowds?(?!_kit)': 'population', r'peers?': 'reference', r'alike': 'similar', r'school': 'pretraining',
    r'(?<!visual_)genome': 'visual_genome', r'nursery': 'server', r'canary_sung': 'was_executed', r'duel': 'comparison',
    r'foretold': 'predicted', r'material': 'prepared', r'torture': 'stress', r'psi': 'item_features',
}

# names of 0.1 that the page on migrating does not list, since users did not meet them
INTERNAL = dict(
    take_preset='apply_preset', about_raters='rater_attributes', floor_metrics='baseline_metrics', judge_pairs='confounder_pair_accuracy',
    pass_over='skip_damaged_checkpoints', load_trained='load_trainable_parameters', give_to_optimizer='build_optimizer', stray_rate='noise_word_rate',
    cue_rate='label_word_rate', changed_settings='non_default_settings', look_for_trouble='add_warnings', write_anew='augment_texts',
    how_to_go_on='resume_hint', alone_table='unimodal_comparison_table', shuffled_table='shuffled_regions_table', efficiency_table='cost_table',
    fit_axis='fit_holdout', wants_trunk='needs_network', wants_item_columns='uses_item_effects', worst_texts='largest_error_texts',
    worst_memes='largest_error_memes', trained_together='stack_size', seen_loss='train_sample_loss', seen_accuracy='train_sample_accuracy',
    not_in_the_tables='runs_excluded', PREFERENCE_LAB_TORTURE='PREFERENCE_LAB_STRESS',
)

# names of 0.1 that have another meaning today, or are keys of results, columns and settings of today
NEW_MEANING = set('''JudgementConfig adapter_norms bag_of_words check_features check_judgements compare_runs count_answers file_of held_out
left_out load_judgements load_weights make_net most_frequent net_settings never_predicted one_category oracle_mean padding_share
per_target rater_agreement rows_of same_setting score_intervals train_many'''.split())


def old_names(root: Path = ROOT) -> dict[str, str]:
    "Old name -> new name, of the tables of the page on migrating; only those that cannot be a word of English"
    text = '\n'.join(t for _, kind, t in cells(root/OLD_NAMES[0]) if kind == 'markdown')
    found = re.findall(r'(?m)^\| `(\w+)`[^|]*\| `?([^|`]*)`? *\|', text)
    is_distinct = lambda name: '_' in name.strip('_') or re.search('[a-z][A-Z]', name)
    listed = {old: new for old, new in found if new.strip() and old != new and is_distinct(old) and old not in NEW_MEANING}
    return INTERNAL | listed


def old_titles() -> set[str]:
    return {l.lower() for l in (Path(__file__).parent/'old_titles.txt').read_text(encoding='utf-8').splitlines()}


def is_searched(path: Path) -> bool:
    name = path.relative_to(ROOT).as_posix()
    return name not in OLD_NAMES and not any(o[0] in '._' for o in path.relative_to(ROOT).parts[:-1] if o != '.ci')


def cells(path: Path):
    "(id, kind, text) of each cell: markdown, code, and what it printed"
    for c in json.loads(path.read_text(encoding='utf-8'))['cells']:
        yield c.get('id', ''), c['cell_type'], ''.join(c['source'])
        for o in c.get('outputs', []):
            texts = [o.get('text', '')] + [v for k, v in o.get('data', {}).items() if k.startswith('text/')]
            for t in texts: yield c.get('id', ''), 'output', re.sub(r'<style.*?</style>', '', ''.join(t), flags=re.S)


def tokens(source: str):
    try: yield from tokenize.generate_tokens(io.StringIO(re.sub(r'(?m)^(\s*)[%!]', r'\1#', source)).readline)
    except (tokenize.TokenError, IndentationError): return


ANY_OF_PROSE = re.compile('|'.join(rf'\b({p})\b' for p in PROSE))


@lru_cache(maxsize=None)
def in_name(name: str) -> list[str]:
    "What to write for each old word of a name; names recur thousands of times"
    return [new for pattern, new in NAMES.items() if re.search(rf'(?<![a-z])({pattern})(?![a-z])', name.lower())]


def in_prose(text: str, names: dict = {}, titles: set = frozenset()):
    "Old words of a text, with the term to write"
    if ANY_OF_PROSE.search(text):   # seldom
        for pattern, new in PROSE.items():
            for m in re.finditer(rf'\b({pattern})\b', text): yield m[0], new
    for m in re.finditer(r'`(\w+)(\(\))?`', text):
        if m[1] in names: yield m[1], names[m[1]]
    for m in re.finditer(r'(?m)^#+ (.*?)\s*$', text):
        if m[1].lower() in titles: yield m[1], 'a noun phrase with the field\'s term'


def in_code(source: str, names: dict = {}, titles: set = frozenset()):
    "Old words of the names, comments and sentences of a piece of code"
    before = None
    for t in tokens(source):
        if t.type == tokenize.NAME and t.string in names: yield t.string, names[t.string]
        if t.type == tokenize.STRING and t.string.count(' ') > 1 and t.string.strip('frb\'"').lower() in titles: yield t.string, 'the field\'s term'
        if t.type == tokenize.NAME and t.string.upper() != t.string:
            if before != '.' or '_' in t.string: yield from ((t.string, new) for new in in_name(t.string))
        elif t.type == tokenize.COMMENT or t.type == tokenize.STRING and ' ' in t.string: yield from in_prose(t.string, names)
        before = t.string


def faults(root: Path = ROOT, outputs: bool = False) -> list[str]:
    "A sentence for each old word"
    out, names, titles = [], old_names(root), old_titles()
    for p in sorted([*(root/'nbs').rglob('*.ipynb'), *(root/'tests_nbs').rglob('*.ipynb')]):
        if not is_searched(p): continue
        for id_, kind, text in cells(p):
            if kind == 'output' and not outputs: continue
            for word, new in (in_code if kind == 'code' else in_prose)(text, names, titles):
                out.append(f'{p.relative_to(root).as_posix()}, cell {id_} ({kind}): "{word}": write {new}')
    for p in sorted((root/'.ci').glob('*.py')):
        if p.name == Path(__file__).name: continue
        out += [f'.ci/{p.name}: "{word}": write {new}' for word, new in in_code(p.read_text(encoding='utf-8'), names, titles)]
    out += [f'README.md: "{word}": write {new}' for word, new in in_prose((root/'README.md').read_text(encoding='utf-8'), names, titles)]
    return out


if __name__ == '__main__':
    found = faults(outputs='--outputs' in sys.argv)
    print('\n'.join(found) or 'no old words')
    sys.exit(bool(found))
