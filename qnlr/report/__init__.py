"""Reports: a document as plain data, and its renderers to HTML, Markdown, CSV and LaTeX.

Nothing here knows what is reported on.
"""

from qnlr.report.claims import Claim as Claim
from qnlr.report.claims import Claims as Claims
from qnlr.report.claims import Verdict as Verdict
from qnlr.report.csv import render_csv as render_csv
from qnlr.report.document import Block as Block
from qnlr.report.document import Code as Code
from qnlr.report.document import Details as Details
from qnlr.report.document import Document as Document
from qnlr.report.document import Figure as Figure
from qnlr.report.document import Section as Section
from qnlr.report.document import Text as Text
from qnlr.report.html import render_html as render_html
from qnlr.report.latex import render_latex as render_latex
from qnlr.report.markdown import render_markdown as render_markdown
from qnlr.report.tables import Cell as Cell
from qnlr.report.tables import Table as Table
from qnlr.report.write import write_document as write_document
