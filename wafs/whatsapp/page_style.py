"""Page style: what the class names in the pages of whatsapp-chat-exporter mean.

Its pages are laid out with class names of Tailwind, whose script makes the rules for them when a page is looked at.
Here are the rules for the names that the pages use, so that no script is needed. A name that is missing costs looks.
"""

from typing import Final

STYLE: Final = r"""*, ::before, ::after { box-sizing: border-box; border: 0 solid; }
html { font-family: system-ui, sans-serif; line-height: 1.5; }
body, h2, p { margin: 0; }
h2 { font-size: inherit; }
a { color: inherit; }
img, svg, video, audio { display: block; vertical-align: middle; }
img, video { height: auto; }
img[src=""] { display: none; }
a.no-base { text-decoration: none !important; }
article { width: auto; max-width: 900px; }
.message-text a, .message-list p a, footer a { color: #168acc; text-decoration: underline; }
.message-list { padding: 20px; }
.search-input, .hidden { display: none; }
.flex { display: flex; }
.flex-col { flex-direction: column; }
.flex-wrap { flex-wrap: wrap; }
.flex-1 { flex: 1 1 0%; }
.flex-grow { flex-grow: 1; }
.flex-shrink-0 { flex-shrink: 0; }
.items-center { align-items: center; }
.items-baseline { align-items: baseline; }
.justify-start { justify-content: flex-start; }
.justify-center { justify-content: center; }
.justify-end { justify-content: flex-end; }
.justify-between { justify-content: space-between; }
.gap-1 { gap: 4px; }
.gap-2 { gap: 8px; }
.space-x-3 > * + * { margin-left: 12px; }
.space-x-4 > * + * { margin-left: 16px; }
.space-y-2 > * + * { margin-top: 8px; }
.relative { position: relative; }
.absolute { position: absolute; }
.inset-0 { inset: 0; }
.top-0 { top: 0; }
.top-full { top: 100%; }
.bottom-full { bottom: 100%; }
.right-3 { right: 12px; }
.-right-2 { right: -8px; }
.-left-2 { left: -8px; }
.-bottom-3 { bottom: -12px; }
.z-50 { z-index: 50; }
.h-screen { height: 100vh; }
.h-full { height: 100%; }
.h-5 { height: 20px; }
.h-8 { height: 32px; }
.h-10 { height: 40px; }
.w-full { width: 100%; }
.w-5 { width: 20px; }
.w-8 { width: 32px; }
.w-10 { width: 40px; }
.min-w-\[4px\] { min-width: 4px; }
.max-w-\[80\%\] { max-width: 80%; }
.p-1 { padding: 4px; }
.p-2 { padding: 8px; }
.p-3 { padding: 12px; }
.p-5 { padding: 20px; }
.px-1\.5 { padding-left: 6px; padding-right: 6px; }
.px-2 { padding-left: 8px; padding-right: 8px; }
.px-3 { padding-left: 12px; padding-right: 12px; }
.py-0\.5 { padding-top: 2px; padding-bottom: 2px; }
.py-1 { padding-top: 4px; padding-bottom: 4px; }
.py-2 { padding-top: 8px; padding-bottom: 8px; }
.mt-1 { margin-top: 4px; }
.mb-2 { margin-bottom: 8px; }
.mb-6 { margin-bottom: 24px; }
.ml-2 { margin-left: 8px; }
.mr-2 { margin-right: 8px; }
.mr-3 { margin-right: 12px; }
.-mt-1 { margin-top: -4px; }
.border { border-width: 1px; }
.border-4 { border-width: 4px; }
.border-l { border-left-width: 1px; }
.border-l-4 { border-left-width: 4px; }
.border-gray-200 { border-color: #e5e7eb; }
.border-whatsapp { border-color: #25d366; }
.border-transparent { border-color: transparent; }
.border-t-black { border-top-color: #000; }
.border-\[\#d1d7db\] { border-color: #d1d7db; }
.rounded { border-radius: 4px; }
.rounded-lg { border-radius: 8px; }
.rounded-full { border-radius: 9999px; }
.shadow-sm { box-shadow: 0 1px 2px 0 rgb(0 0 0 / 0.05); }
.overflow-hidden { overflow: hidden; }
.object-cover { object-fit: cover; }
.truncate { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.whitespace-nowrap { white-space: nowrap; }
.text-right { text-align: right; }
.text-xs { font-size: 12px; line-height: 16px; }
.text-sm { font-size: 14px; line-height: 20px; }
.text-\[10px\] { font-size: 10px; }
.font-medium { font-weight: 500; }
.text-white { color: #fff; }
.text-whatsapp { color: #25d366; }
.text-\[\#111b21\] { color: #111b21; }
.text-\[\#54656f\] { color: #54656f; }
.text-\[\#667781\] { color: #667781; }
.text-\[\#808080\] { color: #808080; }
.text-\[\#856404\] { color: #856404; }
.text-\[\#8696a0\] { color: #8696a0; }
.text-\[\#aebac1\] { color: #aebac1; }
.bg-white { background-color: #fff; }
.bg-black { background-color: #000; }
.bg-gray-100 { background-color: #f3f4f6; }
.bg-gray-200 { background-color: #e5e7eb; }
.bg-whatsapp-light { background-color: #e7ffdb; }
.bg-whatsapp-dark { background-color: #075e54; }
.bg-whatsapp-chat-light { background-color: #f0f2f5; }
.bg-\[\#e1f2fb\] { background-color: #e1f2fb; }
.bg-\[\#FFF3C5\] { background-color: #fff3c5; }
.cursor-help { cursor: help; }
.cursor-pointer { cursor: pointer; }
.opacity-0 { opacity: 0; }
.group:hover > .group-hover\:opacity-100 { opacity: 1; }
.group\/tooltip:hover > .group-hover\/tooltip\:block { display: block; }
.info-box-tooltip { left: 50%; transform: translateX(-50%); }
"""
